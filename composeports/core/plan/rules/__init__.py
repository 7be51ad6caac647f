"""The rules of the plan, one module a kind of thing; each turns a context into its part."""
