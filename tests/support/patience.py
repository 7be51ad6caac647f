"""How long a test waits before it calls something a hang; no test judges speed by it."""

# Seconds. A loaded machine may take a minute for what an idle one does in a second.
HANG = 300.0
