"""What `doctor` checks, one module a subject: facts in, findings out; pure."""
