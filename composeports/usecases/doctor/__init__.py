"""`doctor`: collect facts, check them, fix what is safe to fix."""
