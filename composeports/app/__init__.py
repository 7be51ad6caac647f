"""The use cases, below every interface; the only place where the parts are joined."""
