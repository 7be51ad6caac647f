"""Speaks to people: one file a command: options, one call into `app`, print."""
