"""The results of the MCP tools, for their output schemas.

Every result type includes a failure, because some clients validate failures with the schema too.
"""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from composeports.servers.http.schemas import (
    Allocated,
    Entry,
    FailureDetails,
    Released,
    Stack,
    Up,
)

Ports = dict[str, int]
Answer = TypeVar("Answer")


class Failure(BaseModel):
    """What is wrong, and what to do."""

    success: Literal[False]
    error: str = Field(
        description="a code that does not change; `composeports explain CODE` prints its page"
    )
    message: str = ""
    hint: str = Field("", description="the next step: a tool, or a command for a shell")
    details: FailureDetails | None = Field(None, description="of a failed compose_up")
    output: list[str] = Field([], description="what Compose said last")


class Result(RootModel[Answer | Failure], Generic[Answer]):
    """An answer or a failure; the protocol wants to be told that either is an object."""

    model_config = ConfigDict(json_schema_extra={"type": "object"})


class Leases(BaseModel):
    """Every lease of this machine's store, lowest block first."""

    result: list[Entry]


class Change(BaseModel):
    """One thing that Compose will see differently, and why."""

    kind: str
    where: str
    service: str = Field(description="empty for the whole project")
    before: str = Field(alias="from", description="empty for what is new")
    after: str = Field(alias="to")
    why: str


class Shared(BaseModel):
    """One thing that all sessions have in common, since the file or the settings say so."""

    kind: str
    name: str
    why: str
    acknowledged: bool = Field(description="a setting says so; else it is a warning, too")


class Left(BaseModel):
    """One thing that could be taken for a moved port or name, and stays as it is."""

    kind: str
    where: str
    service: str
    value: str
    why: str


class Planned(Stack):
    """What `compose_up` would do."""

    changes: list[Change]
    shared: list[Shared]
    left: list[Left]
    notes: list[str] = Field(description="what is good to know")


class Down(BaseModel):
    """What is left after `compose_down`."""

    success: Literal[True]
    session_id: str
    compose_project_name: str = Field(description="empty where there was no stack")
    released: bool = Field(description="whether the ports were given back")
    note: str


class Url(BaseModel):
    """Where a service is."""

    success: Literal[True]
    service: str
    url: str = Field(description="a URL, or host:port where the port does not speak HTTP")


AllocateResult = Result[Allocated]
ReleaseResult = Result[Released]
StatusResult = Result[Leases]
PlanResult = Result[Planned]
UpResult = Result[Up]
DownResult = Result[Down]
UrlResult = Result[Url]
