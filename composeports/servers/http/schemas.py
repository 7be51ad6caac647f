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

SessionName = Annotated[str, Field(description="readable: from the worktree's folder or the id")]


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


class ServiceFailure(BaseModel):
    """A service that failed, with the end of its log."""

    service: str
    container: str
    state: str = Field(description="as the engine calls it: `exited`, `restarting`, `running`, ...")
    exit_code: int | None
    health: str = Field(description="`unhealthy`, `starting`, or empty")
    health_exit_code: int | None
    health_output: list[str] = Field(description="what the last health check printed")
    error: str = Field(description="why the engine could not start it; mostly empty")
    restarts: int
    out_of_memory: bool
    log: list[str] = Field(description="its last lines; control characters are escapes")
    next: str = Field(description="the command that shows more, in a shell in the worktree")


class FailureDetails(BaseModel):
    """The services that failed."""

    services: list[ServiceFailure]


class ServiceStatus(BaseModel):
    """The status of one service."""

    name: str
    state: str
    health: str = Field(description="empty without a health check")
    exit_code: int | None


class Published(BaseModel):
    """A port that runs now."""

    service: str
    port: str = Field(description="inside of the container: `80/tcp`")
    url: str


class StackStart(SessionRequest):
    """A request to start the stack of a session."""

    services: list[str] = Field([], description="only these, not all", max_length=100)
    build: bool = Field(default=False, description="build images first")
    wait: bool | None = Field(
        None, description="until all are healthy; by default as the repository's settings say"
    )
    seed: str | None = Field(
        None,
        description="copy the data of this session of the repository (`main`, branch, folder) into "
        "empty volumes first; empty: copy none; by default as the repository's settings say",
        max_length=1000,
    )
    after: bool = Field(
        default=True,
        description="run the commands that the repository's settings name for after `up`; they "
        "have to be allowed with `composeports allow` on this machine",
    )


class Missing(BaseModel):
    """A file or folder that does not exist."""

    kind: str
    path: str
    services: list[str]
    main: str = Field(description="the same path in the main checkout; empty where it is not there")
    why: str


class Stack(BaseModel):
    """A session's stack."""

    success: Literal[True]
    session_id: str
    name: SessionName
    compose_project_name: str
    env: dict[str, str] = Field(description="variables for programs that use the stack")
    ports: dict[str, int] = Field(description='`"web:80/tcp"` -> host port')
    urls: dict[str, str] = Field(description='`"web:80/tcp"` -> URL or host:port')
    warnings: list[str] = Field(description="what cannot be isolated")
    missing: list[Missing] = Field(description="files and folders that do not exist")
    copies: list[str] = Field(description="what the worktree gets from the main checkout first")


class Up(Stack):
    """The stack that runs now."""

    published: list[Published]
    services: list[ServiceStatus]
    failed_services: list[ServiceFailure] = Field(
        description="those that run no more although Compose succeeded"
    )
    after: list[str] = Field(description="the commands of the settings that ran afterwards")
    note: str = Field(description="what else there is to say; mostly empty")


class HealthCount(BaseModel):
    """The running containers with a health check."""

    healthy: int = Field(ge=0, description="those that pass it")
    checked: int = Field(ge=0)


class Entry(BaseModel):
    """One lease with its stack, as `composeports status --json` has it."""

    session_id: str
    name: SessionName
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
    health: HealthCount


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"]
    version: str


class Problem(BaseModel):
    """A failure, with a next step."""

    success: Literal[False]
    error: str = Field(description="a code; `composeports explain CODE` prints its page")
    message: str
    hint: str = Field(description="the next step: a route, or a command for a shell")
    details: FailureDetails | None = Field(None, description="of a failed `POST /stacks/up`")


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
