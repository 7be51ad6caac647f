"""Access to Docker: the engine, its socket, `docker compose`, Compose files and Podman."""
