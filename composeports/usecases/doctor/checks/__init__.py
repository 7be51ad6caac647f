"""The checks of `doctor`, one module a subject: facts in, findings out; pure."""
