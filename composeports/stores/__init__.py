"""Stores for leases: one contract (`base`) and its backends. They make no decisions."""
