"""Leased host ports for Docker Compose stacks, a block a worktree; imports nothing."""

__version__ = "0.1.0"
