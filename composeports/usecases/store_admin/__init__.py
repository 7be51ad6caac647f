"""`store`: inspect the lease store and migrate leases to another one."""
