"""Touches the machine: processes, git, sockets, Compose, the engine and files; decides nothing."""
