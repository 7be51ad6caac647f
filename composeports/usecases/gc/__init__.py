"""`gc`: release the leases and remove the stacks of worktrees that are gone."""
