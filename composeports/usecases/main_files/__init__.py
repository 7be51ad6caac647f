"""Give a new worktree the files of the main checkout that git ignores."""
