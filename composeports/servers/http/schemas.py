"""The JSON documents of the HTTP server, for its OpenAPI description."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from composeports.core.session import MAX_LENGTH, check_session_id

# Text that is not blank and has no NUL character.
PATTERN = r"^[^\x00]*[^\s\x00][^\x00]*$"

SessionId = Annotated[
    str,
    AfterValidator(check_session_id),
    Field(
        description="Who asks: any name, the same one for the same ports.",
        examples=["agent-7"],
        json_schema_extra={"minLength": 1, "maxLength": MAX_LENGTH, "pattern": PATTERN},
    ),
]


class SessionRequest(BaseModel):
    """A request about one session."""

    model_config = ConfigDict(strict=True)

    session_id: SessionId


class Allocation(BaseModel):
    """A session's lease; times are ISO 8601 in UTC."""

    session_id: str
    db_port: int
    rest_port: int
    realtime_port: int
    api_port: int
    compose_project_name: str
    allocated_at: str
    expires_at: str
    remaining_ttl_minutes: int = Field(ge=0)


class Allocated(BaseModel):
    """The session has its ports; `env_snippet` is six `export NAME=value` lines."""

    success: Literal[True]
    allocation: Allocation
    env_snippet: str


class NothingFree(BaseModel):
    """All blocks are taken."""

    success: Literal[False]
    error: Literal["no_ports_available"]


class Released(BaseModel):
    """The session holds no ports now."""

    success: Literal[True]


class Down(BaseModel):
    """The stack is down; `released` is false where there was nothing to release."""

    success: Literal[True]
    released: bool


class Entry(BaseModel):
    """One lease with its stack, as `composeports status --json` has it."""

    session_id: str
    worktree: str
    branch: str
    machine: str = Field(description="whose disk the worktree is on, where others see its lease")
    compose_project_name: str
    db_port: int
    rest_port: int
    realtime_port: int
    api_port: int
    ports: dict[str, int] = Field(description='`"web:80/tcp"` -> host port')
    urls: dict[str, str]
    without_container: list[str] = Field(description="ports that no container has; no URL")
    host: str = Field(description="where the engine's ports are reached")
    allocated_at: str
    expires_at: str
    remaining_ttl_minutes: int = Field(ge=0)
    expired: bool
    kept_by: Literal["ttl", "containers", "unknown", ""] = Field(
        description="what keeps others from taking the ports"
    )
    state: Literal["running", "drifted", "stopped", "gone", "unknown"]


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"]
    version: str


class Problem(BaseModel):
    """A failure, with a next step."""

    success: Literal[False]
    error: str
    message: str
    hint: str


class Unauthorized(BaseModel):
    """No valid key was given."""

    detail: str


class Invalid(BaseModel):
    """What is wrong with one part of a request."""

    loc: list[str | int]
    msg: str
    type: str


class Unprocessable(BaseModel):
    """The request is not what it should be."""

    detail: list[Invalid]
