"""Access to the engine through the `docker` command; raises EngineError if there is no answer.

The command follows Docker contexts, ssh and TLS settings in the same way as the user's own calls,
and it answers in 15 ms, while importing the SDK (sdk.py, for rare cases) takes 100 ms. Only the
lists of containers, networks and volumes, which most commands need, are read from a local socket
(api_socket.py).
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from composeports.config import engine_timeout
from composeports.core.engine_identity import EngineIdentity
from composeports.core.labels import PROJECT_LABEL
from composeports.docker.api_socket import (
    LIST,
    NETWORKS,
    PING,
    VOLUMES,
    SocketRequest,
    listener_on,
    socket_of_command,
)
from composeports.docker.containers import (
    FORMAT,
    RESTARTING,
    Container,
    container_of,
    parse_containers,
)
from composeports.docker.context import EngineEndpoint, docker_folder, find_endpoint
from composeports.docker.errors import engine_failure, only_gone, silence
from composeports.errors import ComposeMissingError, EngineError, EngineSilentError
from composeports.host.process import NOT_FOUND, Finished, Running, start
from composeports.host.time_limits import TimeLimits, Wait

if TYPE_CHECKING:
    from composeports.docker.resource_labels import MarkListing
    from composeports.docker.sdk import EventStream

# How long a remote engine's identity is used before the engine is asked again.
IDENTITY_SECONDS = 60.0
# While Compose runs: how long the engine may take to answer, and the time between two checks.
SILENT_SECONDS = 1.5
SOCKET_CHECK_SECONDS, COMMAND_CHECK_SECONDS = 0.5, 3.0
# Messages of engines up to version 26, and of later versions.
NO_POOL_LEFT = ("available, non-overlapping", "predefined address pools")
NETWORK_LABEL = "com.docker.compose.network"
_BINDINGS = (
    "{{range $target, $bindings := .HostConfig.PortBindings}}"
    "{{range $bindings}}{{.HostPort}} {{$target}}\n{{end}}{{end}}"
)
_SUBNETS = (
    f'{{{{index .Labels "{PROJECT_LABEL}"}}}}{{{{range .IPAM.Config}}}}\t{{{{.Subnet}}}}{{{{end}}}}'
)


class Listing:
    """A running `docker ps` that lists containers."""

    def __init__(self, engine: "Engine", running: Running) -> None:
        """Keep the running `docker` process."""
        self._engine = engine
        self._running = running

    def containers(self) -> tuple[Container, ...]:
        """Return all containers, stopped ones too; raise EngineError if there is no answer."""
        answer = self._running.finish()
        if answer.code:
            raise self._engine.failure(answer)
        return self._engine.with_all_ports(tuple(parse_containers(answer.out)), answer.out)


class _SocketListing(Listing):
    """A running request to the engine's socket that lists containers.

    If the request fails, the `docker` command is run, because it reports the reason.
    """

    def __init__(self, engine: "Engine", request: SocketRequest, project: str | None) -> None:
        self._engine = engine
        self._request = request
        self._project = project

    def containers(self) -> tuple[Container, ...]:
        """Return all containers, stopped ones too; raise EngineError if there is no answer."""
        entries = self._request.entries()
        if entries is None:
            return self._engine.listing_by_command(self._project).containers()
        return tuple(map(container_of, entries))


class Engine:
    """The engine that the user's `docker` command uses."""

    def __init__(
        self, environ: Mapping[str, str], waiting: Callable[[str], None] | None = None
    ) -> None:
        """Use the engine that `environ` (DOCKER_HOST, DOCKER_CONTEXT, ...) selects.

        `waiting` is called with a message if an answer takes longer than 2 s. Raise ConfigError if
        docker would load plugins from the current folder, or if the time limit is not valid.
        """
        docker_folder(environ)
        self._environ = environ
        self._waiting = waiting
        # Queries have a time limit; commands that change something have none.
        self.time_limits = TimeLimits(engine_timeout(environ), self._report_wait)
        self._identity: EngineIdentity | None = None
        self._asked_at = -math.inf

    def _report_wait(self) -> None:
        if self._waiting is not None:
            from composeports.core.engine_diagnosis import place_of  # noqa: PLC0415 - rare

            self._waiting(f"waiting for {place_of(self.endpoint.address)}, which does not answer")

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables that selected the engine."""
        return self._environ

    @cached_property
    def endpoint(self) -> EngineEndpoint:
        """The engine's address, as far as it is known without asking the engine."""
        return find_endpoint(self._environ)

    @property
    def is_local(self) -> bool:
        """True if the engine's published ports are ports of this machine."""
        return self.endpoint.local

    @property
    def host(self) -> str:
        """The host name or address where the published ports are reached."""
        return self.endpoint.host

    @property
    def process(self) -> int:
        """The process id of the engine; 0 if it is unknown."""
        return listener_on(self.endpoint.socket) if self.endpoint.socket else 0

    def identity(self, *, refresh: bool = False) -> EngineIdentity:
        """Return the engine's identity; raise EngineError if it does not answer and never did.

        With `refresh`, a remote engine is asked again, unless its answer is less than a minute old.
        """
        is_fresh = time.monotonic() - self._asked_at < IDENTITY_SECONDS
        if self._identity is None or (refresh and not is_fresh and not self.is_local):
            from composeports.docker.identity import identify  # noqa: PLC0415 - not always needed

            self._identity = identify(self._environ, self.endpoint, self._start, refresh=refresh)
            self._asked_at = time.monotonic() if refresh else self._asked_at
        return self._identity

    def failure(self, answer: Finished) -> EngineError | ComposeMissingError:
        """Return the exception for a `docker` command that failed or took too long."""
        if answer.limit:
            return silence(self.endpoint.address, self.time_limits.seconds)
        return engine_failure(answer.code, answer.err, self.endpoint.address)

    def _start(self, *arguments: str, work_seconds: float = 0.0) -> Running:
        wait = self.time_limits.wait(work_seconds)
        return start(("docker", *arguments), self._environ, wait=wait)

    def output(self, *arguments: str, work_seconds: float = 0.0) -> str:
        """Return the stdout of `docker ARGUMENTS`, whose work may take `work_seconds`, or raise."""
        answer = self._start(*arguments, work_seconds=work_seconds).finish()
        if answer.code:
            raise self.failure(answer)
        return answer.out

    def run_query(self, *arguments: str) -> Finished:
        """Run `docker ARGUMENTS` and return its result, even if it fails.

        Ctrl-C does not reach the process. Raise ComposeMissingError if there is no `docker`
        command, EngineSilentError if the engine does not answer in time. Use `run_change` for a
        command that changes something.
        """
        return self._run(arguments, self.time_limits.wait())

    def run_change(self, *arguments: str) -> Finished:
        """Run `docker ARGUMENTS`, which changes something; as `run_query` without time limit."""
        return self._run(arguments, self.time_limits.wait(endless=True))

    def _run(self, arguments: Sequence[str], wait: Wait) -> Finished:
        answer = start(("docker", *arguments), self._environ, own_group=True, wait=wait).finish()
        if answer.limit or answer.code == NOT_FOUND:
            raise self.failure(answer)
        return answer

    def start_listing(self, project: str | None = None) -> Listing:
        """Start to list all containers, or those of one project, without waiting."""
        request = self._start_socket_request(f"{PROJECT_LABEL}={project}" if project else "", LIST)
        if request is not None:
            return _SocketListing(self, request, project)
        return self.listing_by_command(project)

    def _start_socket_request(self, label: str, listed: str) -> SocketRequest | None:
        """Start a request to the engine's socket; return None if only the command can be used."""
        path = socket_of_command(self._environ)
        with suppress(OSError):
            return (
                SocketRequest(path, label, listed, time_limits=self.time_limits) if path else None
            )
        return None

    def entries(self, kind: str, label: str) -> list[dict[str, Any]] | None:
        """Return the entries of all networks, or volumes, with a label from the engine's socket.

        None if only the `docker` command can be used; it also reports the reason of a failure.
        """
        request = self._start_socket_request(label, {"network": NETWORKS, "volume": VOLUMES}[kind])
        return None if request is None else request.entries()

    def start_mark_listing(self, project: str) -> "MarkListing":
        """Start to list the marks of a project's volumes and networks, without waiting."""
        from composeports.docker.resource_labels import MarkListing  # noqa: PLC0415 - first `up`

        return MarkListing(self, project, socket_of_command(self._environ))

    def start_marks(self, kind: str, project: str) -> Running:
        """Start a `docker` command that lists the marks of a project's volumes or networks."""
        from composeports.docker.resource_labels import form_of  # noqa: PLC0415 - without a socket

        label_filter = f"label={PROJECT_LABEL}={project}"
        return self._start(kind, "ls", "--filter", label_filter, "--format", form_of(kind))

    def listing_by_command(self, project: str | None = None) -> Listing:
        """Start `docker ps`, which follows Docker contexts and reports the reason of a failure."""
        filter_options = ("--filter", f"label={PROJECT_LABEL}={project}") if project else ()
        return Listing(
            self, self._start("ps", "--all", "--no-trunc", *filter_options, "--format", FORMAT)
        )

    def containers(self, project: str | None = None) -> tuple[Container, ...]:
        """Return all containers, or those of one project; stopped containers too."""
        return self.start_listing(project).containers()

    def with_all_ports(self, found: tuple[Container, ...], shown: str) -> tuple[Container, ...]:
        """Return the containers, with the ports that `docker ps` does not show for Podman."""
        from composeports.docker import podman  # noqa: PLC0415 - only after `docker ps`

        if not podman.shows_bare(shown) or not self.is_podman:
            return found
        ids = [container.id for container in found if container.is_running]
        if not ids:
            return found
        ports = podman.inspected(self._inspect(podman.INSPECT, ids))
        return tuple(
            container._replace(ports=ports.get(container.id, container.ports))
            for container in found
        )

    def _inspect(self, form: str, ids: Sequence[str]) -> str:
        """Return the output of `docker container inspect`; removed containers are not in it."""
        answer = self._start("container", "inspect", "--format", form, *ids).finish()
        if answer.code and "no such container" not in answer.err.lower():
            raise self.failure(answer)
        return answer.out

    @cached_property
    def is_podman(self) -> bool:
        """True if the engine is Podman; False, without an error, if it does not answer."""
        from composeports.docker.podman import COMPONENT  # noqa: PLC0415 - rarely needed

        form = "{{range .Server.Components}}{{println .Name}}{{end}}"
        return COMPONENT in self._start("version", "--format", form).finish().out.splitlines()

    def is_silent(self) -> bool:
        """Return True if the engine does not answer a harmless query within SILENT_SECONDS."""
        time_limits = TimeLimits(SILENT_SECONDS)
        try:
            path = socket_of_command(self._environ)
            if path:
                SocketRequest(path, listed=PING, time_limits=time_limits).document()
                return False
        except EngineSilentError:
            return True
        except OSError:
            return False
        form = ("version", "--format", "{{.Server.Version}}")
        return bool(start(("docker", *form), self._environ, wait=time_limits.wait()).finish().limit)

    @property
    def silence_check_seconds(self) -> float:
        """Seconds between two checks that the engine answers while Compose runs; 0 for none."""
        if self._waiting is None:
            return 0.0
        return SOCKET_CHECK_SECONDS if self.endpoint.socket else COMMAND_CHECK_SECONDS

    def report_if_silent(self) -> None:
        """Report once that the engine does not answer while Compose runs.

        When it answers again, a later silence is reported again.
        """
        if not self.is_silent():
            self.time_limits.is_told = False
        elif not self.time_limits.is_told:
            self.time_limits.is_told = True
            self._report_wait()

    def reserved_ports(self, containers: Iterable[Container]) -> frozenset[tuple[int, str]]:
        """Return the (host port, protocol) pairs that the containers publish, running or not."""
        ports: set[tuple[int, str]] = set()
        ids_without_ports: list[str] = []
        for container in containers:
            ports |= {(host, protocol) for host, _target, protocol in container.ports}
            # A restarting container shows no ports until it runs again.
            if not container.is_running or container.state == RESTARTING:
                ids_without_ports.append(container.id)
        return frozenset(ports | set(self._bindings(ids_without_ports)))

    def _bindings(self, ids: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield the ports that stopped containers will publish; skip removed containers."""
        if not ids:
            return
        for line in self._inspect(_BINDINGS, ids).splitlines():
            host, _, target = line.partition(" ")
            if host.isdecimal():
                yield int(host), target.partition("/")[2] or "tcp"

    def start_errors(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the engine's reason for each failed start; an empty text for other containers."""
        ids = tuple(ids)
        if not ids:
            return ()
        return tuple(self._inspect("{{.State.Error}}", ids).splitlines())

    def host_names(self, ids: Iterable[str]) -> dict[str, dict[str, frozenset[str]]]:
        """Return the host names of each container, by container id and network name.

        A container that was removed since then, or that the engine does not report, has none.
        """
        ids = tuple(ids)
        answer = self._start("container", "inspect", *ids).finish() if ids else Finished(0, "[]")
        from composeports.docker.containers import host_names_of  # noqa: PLC0415 - rarely needed

        return host_names_of(answer.out)

    def follow_events(self) -> "EventStream":
        """Return the container events, as the names of the containers' projects, or empty texts."""
        from composeports.docker.sdk import EventStream  # noqa: PLC0415 - only for a server

        return EventStream(self._environ, self.time_limits.seconds)

    def networks(self, project: str) -> tuple[str, ...]:
        """Return the ids of the project's networks."""
        label = f"{PROJECT_LABEL}={project}"
        entries = self.entries("network", label)
        if entries is not None:
            return tuple(entry["Id"] for entry in entries)
        label_filter = f"label={label}"
        return tuple(self.output("network", "ls", "--quiet", "--filter", label_filter).split())

    def network_ids(self) -> frozenset[str]:
        """Return the ids of all networks."""
        entries = self.entries("network", "")
        if entries is not None:
            return frozenset(entry["Id"] for entry in entries)
        return frozenset(self.output("network", "ls", "--quiet", "--no-trunc").split())

    def networks_of(self, containers: Iterable[Container]) -> dict[str, frozenset[str]]:
        """Return the network ids of each container by its id, including removed networks.

        A container that was removed since then has none.
        """
        containers = tuple(containers)
        network_ids = {container.id: frozenset(container.network_ids) for container in containers}
        unknown_ids = [
            container.id
            for container in containers
            if container.networks and not container.network_ids
        ]
        if unknown_ids:
            form = "{{.Id}}{{range .NetworkSettings.Networks}} {{.NetworkID}}{{end}}"
            rows = [row.split() for row in self._inspect(form, unknown_ids).splitlines()]
            network_ids |= {row[0]: frozenset(row[1:]) for row in rows if row}
        return network_ids

    def subnets(self, exclude_project: str = "") -> tuple[str, ...]:
        """Return the subnets of all networks, except those of one project."""
        pairs = self.project_subnets()
        return tuple(
            subnet for project, subnet in pairs if not project or project != exclude_project
        )

    def project_subnets(self) -> tuple[tuple[str, str], ...]:
        """Return (project, subnet) for all networks; project is empty if a network has none."""
        ids = self.output("network", "ls", "--quiet", "--no-trunc").split()
        if not ids:
            return ()
        answer = self._start("network", "inspect", "--format", _SUBNETS, *ids).finish()
        if answer.code and not only_gone(answer.err):
            raise self.failure(answer)
        rows = (line.split("\t") for line in answer.out.splitlines())
        return tuple(
            (project, subnet) for project, *subnets in rows for subnet in subnets if subnet
        )

    def network_keys(self, project: str) -> tuple[str, ...]:
        """Return the names of the project's networks in the Compose file."""
        filter_options = ("--filter", f"label={PROJECT_LABEL}={project}")
        form = f'{{{{.Label "{NETWORK_LABEL}"}}}}'
        return tuple(
            self.output("network", "ls", *filter_options, "--format", form).split("\n")[:-1]
        )

    def pools_used_up(self) -> bool:
        """Return True if the engine has no subnet left, found by creating a network.

        A network that could be created is removed again.
        """
        name = f"composeports-probe-{os.getpid()}"
        answer = self.run_change("network", "create", "--label", "composeports=probe", name)
        if not answer.code:
            self.run_change("network", "rm", name)
        message = answer.err.lower()
        return any(words in message for words in NO_POOL_LEFT)

    def volumes(self, project: str) -> tuple[str, ...]:
        """Return the names of the project's volumes."""
        label = f"{PROJECT_LABEL}={project}"
        entries = self.entries("volume", label)
        if entries is not None:
            return tuple(sorted(entry["Name"] for entry in entries))
        label_filter = f"label={label}"
        return tuple(
            self.output("volume", "ls", "--quiet", "--filter", label_filter).split("\n")[:-1]
        )
