"""How long a test waits before it reports a hang; no test measures speed with it."""

# Seconds. A loaded machine may take a minute for what an idle one does in a second.
HANG = 300.0
