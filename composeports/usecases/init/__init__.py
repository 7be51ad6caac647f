"""`init`: inspect a repository and set it up."""
