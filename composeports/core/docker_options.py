"""The commands and options of `docker` that name objects of the engine, as tables."""

CONTAINER, IMAGE, NETWORK, VOLUME = "container", "image", "network", "volume"
# A Compose project is no object of the engine, but the start of names, and a label.
PROJECT = "project"

GLOBALS_WITH_VALUE = frozenset(
    {"--config", "-c", "--context", "-H", "--host", "-l", "--log-level"}
    | {"--tlscacert", "--tlscert", "--tlskey"}
)
OTHER_ENGINE = frozenset({"-c", "--context", "-H", "--host"})
INSTEAD_OF_A_COMMAND = frozenset({"-v", "--version", "-h", "--help"})

# The positional words of a command that are containers.
FIRST, ALL, COPIED = "first", "all", "copied"
_STOP = frozenset({"-s", "--signal", "-t", "--time", "--timeout"})
_EXEC = frozenset({"-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--detach-keys"})
_UPDATE = frozenset(
    {"--blkio-weight", "--cpu-period", "--cpu-quota", "--cpu-rt-period", "--cpu-rt-runtime", "-c"}
    | {"--cpu-shares", "--cpus", "--cpuset-cpus", "--cpuset-mems", "-m", "--memory"}
    | {"--memory-reservation", "--memory-swap", "--pids-limit", "--restart"}
)
_NONE: frozenset[str] = frozenset()
COMMANDS = {
    "attach": (frozenset({"--detach-keys"}), FIRST),
    "commit": (frozenset({"-a", "--author", "-c", "--change", "-m", "--message"}), FIRST),
    "cp": (_NONE, COPIED),
    "diff": (_NONE, FIRST),
    "exec": (_EXEC, FIRST),
    "export": (frozenset({"-o", "--output"}), FIRST),
    "inspect": (frozenset({"-f", "--format", "--type"}), ALL),
    "kill": (frozenset({"-s", "--signal"}), ALL),
    "logs": (frozenset({"--since", "--until", "-n", "--tail"}), ALL),
    "pause": (_NONE, ALL),
    "port": (_NONE, FIRST),
    "rename": (_NONE, FIRST),
    "restart": (_STOP, ALL),
    "rm": (_NONE, ALL),
    "start": (frozenset({"--checkpoint", "--checkpoint-dir", "--detach-keys"}), ALL),
    "stats": (frozenset({"--format"}), ALL),
    "stop": (_STOP, ALL),
    "top": (_NONE, FIRST),
    "unpause": (_NONE, ALL),
    "update": (_UPDATE, ALL),
    "wait": (_NONE, ALL),
}
LISTING = frozenset({"ps", "ls", "list"})
LISTING_WITH_VALUE = frozenset({"-f", "--filter", "--format", "-n", "--last"})
NAME_FILTER = "name="
PROJECT_FILTER = "label=com.docker.compose.project="
RUNNING = frozenset({"run", "create"})
# `docker run` has about a hundred options; these are the options without a value.
RUN_FLAGS = frozenset(
    {"-d", "--detach", "--disable-content-trust", "--help", "--init", "-i", "--interactive"}
    | {"--no-healthcheck", "--oom-kill-disable", "--privileged", "-P", "--publish-all", "-q"}
    | {"--quiet", "--read-only", "--rm", "--sig-proxy", "-t", "--tty", "--use-api-socket"}
)
JOINED = frozenset({"--network", "--net", "--pid", "--ipc"})
BY_CONTAINER = "container:"
NETWORKS = frozenset({"--network", "--net"})
GROUPS = frozenset({CONTAINER, IMAGE, NETWORK, VOLUME, "system"})
KINDS = (CONTAINER, IMAGE, NETWORK, VOLUME, PROJECT)
# Commands of groups with filters, besides those of volumes and networks.
FILTERED = frozenset(
    {("image", "ls"), ("image", "list"), ("image", "prune"), ("container", "prune")}
    | {("system", "prune")}
)
OBJECTS = frozenset({NETWORK, VOLUME})
_FORMAT = frozenset({"-f", "--format"})
OBJECT_COMMANDS = {"inspect": _FORMAT, "rm": _NONE, "remove": _NONE}
CONNECTING = frozenset({"connect", "disconnect"})
CONNECT = frozenset(
    {"--alias", "--driver-opt", "--gw-priority", "--ip", "--ip6", "--link", "--link-local-ip"}
)
# Commands on existing images, and their options with a value. `docker image` has all but `rmi`.
IMAGE_COMMANDS = {
    "history": frozenset({"--format", "--platform"}),
    "inspect": _FORMAT,
    "remove": frozenset({"--platform"}),
    "rm": frozenset({"--platform"}),
    "rmi": frozenset({"--platform"}),
    "save": frozenset({"-o", "--output", "--platform"}),
    "tag": _NONE,
}
