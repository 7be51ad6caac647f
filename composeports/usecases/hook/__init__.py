"""`hook`: install and remove git's post-checkout hook."""
