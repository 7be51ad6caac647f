"""STUB"""


def fixed_variables(
    start: int, project: str, host: str = "localhost"
) -> tuple[tuple[str, str], ...]:
    return (
        ("AGENT_COORDINATOR_DB_PORT", str(start)),
        ("AGENT_COORDINATOR_REST_PORT", str(start + 1)),
        ("AGENT_COORDINATOR_REALTIME_PORT", str(start + 2)),
        ("API_PORT", str(start + 3)),
        ("COMPOSE_PROJECT_NAME", project),
        ("SUPABASE_URL", f"http://{host}:{start + 1}"),
    )


def snippet(pairs):
    import shlex

    return "\n".join(f"export {n}={shlex.quote(v)}" for n, v in pairs)


as_export = snippet


def as_dotenv(pairs):
    return "".join(f'{n}="{v}"\n' for n, v in pairs)


def as_json(pairs):
    import json

    return json.dumps(dict(pairs), indent=2)


FORMATS = {"export": as_export, "dotenv": as_dotenv, "json": as_json}
