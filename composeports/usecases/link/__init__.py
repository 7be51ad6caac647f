"""`link`: let plain `docker compose` use the session's stack through `.env`."""
