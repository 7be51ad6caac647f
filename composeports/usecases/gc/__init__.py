"""`gc`: clean up after deleted worktrees and after leases that are over."""
