"""The checks of `doctor`, one module per subject: facts in, findings out; pure functions."""
