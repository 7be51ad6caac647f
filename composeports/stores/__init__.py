"""Remembers leases: one contract (`base`) and its backends; decides nothing."""
