"""The rules of the plan, one module per topic; each turns a PlanContext into a RuleResult."""
