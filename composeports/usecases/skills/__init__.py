"""`skills`: install, compare and remove the agent skills."""
