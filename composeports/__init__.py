"""Leased host ports for Docker Compose stacks, one block per worktree. Imports nothing."""

__version__ = "0.1.0"
