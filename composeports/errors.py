"""All errors that a user can see: message, hint, stable code and exit code. No I/O."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_LEASE = 66
EXIT_ENGINE = 69
EXIT_BUG = 70
EXIT_TRY_LATER = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130


class ComposeportsError(Exception):
    """An error with a next step; `code` and `exit_code` are stable, so scripts may rely on them."""

    code = "error"
    exit_code = EXIT_BUG

    def __init__(self, message: str, *, hint: str = "", **details: object) -> None:
        """Store the message, the next step (`hint`) and the `details`, which `--json` shows."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def as_dict(self) -> dict[str, object]:
        """Return the `error` object of the JSON error document."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        }


class UsageError(ComposeportsError):
    """The command line asks for something that is not possible."""

    code = "usage"
    exit_code = EXIT_USAGE


class InvalidSessionError(UsageError, ValueError):
    """The session id is empty, blank or too long, or has characters that cannot be stored."""

    code = "invalid_session"


class NoLeaseError(ComposeportsError):
    """The session holds no lease, and the command needs one."""

    code = "no_lease"
    exit_code = EXIT_NO_LEASE


class UnknownPortError(UsageError):
    """The session's stack does not publish this port, or the request fits several ports."""

    code = "unknown_port"


class NotReadyError(ComposeportsError):
    """A service does not answer at its URL, although `url --wait` waited."""

    code = "not_ready"
    exit_code = EXIT_TRY_LATER


class EngineError(ComposeportsError):
    """The engine did not answer, so it is unknown what runs."""

    code = "engine_unreachable"
    exit_code = EXIT_ENGINE


class EngineSilentError(EngineError):
    """The engine received the request and did not answer in time: it is frozen or overloaded."""


class ComposeMissingError(ComposeportsError):
    """Docker or its Compose plugin is not installed."""

    code = "compose_missing"
    exit_code = EXIT_ENGINE


class ComposeTooOldError(ComposeportsError):
    """The Compose plugin does not know the override tags that a plan needs."""

    code = "compose_too_old"
    exit_code = EXIT_ENGINE


class ExtraMissingError(ComposeportsError):
    """The command needs an extra of composeports that is not installed."""

    code = "extra_missing"
    exit_code = EXIT_ENGINE


class AddressInUseError(ComposeportsError):
    """Another program listens on the address of the server."""

    code = "address_in_use"
    exit_code = EXIT_TRY_LATER


class NotAllowedError(ComposeportsError):
    """The settings of a repository name commands that this user has not allowed."""

    code = "not_allowed"
    exit_code = EXIT_CONFIG


class AfterFailedError(ComposeportsError):
    """The stack runs, and a command that runs after `up` failed."""

    code = "after_failed"
    exit_code = EXIT_FAILED


class NoPortsAvailableError(ComposeportsError):
    """Every block is held by a session, or every free block has a port that is in use."""

    code = "no_ports_available"
    exit_code = EXIT_TRY_LATER


class PortHeldError(ComposeportsError):
    """A port that cannot be changed is held by another session or used by another process."""

    code = "port_held"
    exit_code = EXIT_TRY_LATER


class OtherEngineError(ComposeportsError):
    """The session's stack was started on another engine than the one in use now."""

    code = "other_engine"
    exit_code = EXIT_TRY_LATER


class NoSubnetsAvailableError(ComposeportsError):
    """The pool has no free subnet of the required size."""

    code = "no_subnets_available"
    exit_code = EXIT_TRY_LATER


class StoreBusyError(ComposeportsError):
    """Another process holds the store's write lock for too long."""

    code = "store_busy"
    exit_code = EXIT_TRY_LATER


class StackLeftError(ComposeportsError):
    """Containers or networks of the project still exist after a removal."""

    code = "stack_left"
    exit_code = EXIT_TRY_LATER


class LockBusyError(ComposeportsError):
    """Another command is running on the same session."""

    code = "session_busy"
    exit_code = EXIT_TRY_LATER


class PortTakenError(ComposeportsError):
    """Another process took a port between the check and the engine's bind, several times."""

    code = "port_taken"
    exit_code = EXIT_TRY_LATER


class ForeignProjectError(ComposeportsError):
    """Another session or program started containers under this session's project name."""

    code = "project_foreign"
    exit_code = EXIT_TRY_LATER


class SeedBusyError(ComposeportsError):
    """Another process is copying volumes for this session."""

    code = "seed_busy"
    exit_code = EXIT_TRY_LATER


class SeedError(ComposeportsError):
    """The engine could not copy a volume; a partial copy is removed, if needed by the next `up`."""

    code = "seed_failed"
    exit_code = EXIT_ENGINE


class StoreError(ComposeportsError):
    """The store cannot be read or written, is damaged, or is from a newer version."""

    code = "store_unusable"
    exit_code = EXIT_CONFIG


class StoreServerError(StoreError):
    """The database server of a shared store cannot be reached, or refuses the operation."""

    code = "store_server"
    exit_code = EXIT_ENGINE


class ConfigError(ComposeportsError, ValueError):
    """A setting has a value that is not accepted."""

    code = "invalid_config"
    exit_code = EXIT_CONFIG


class ComposeFileError(ComposeportsError):
    """Compose rejects the file, or no plan can be made for it."""

    code = "compose_file"
    exit_code = EXIT_CONFIG


class OutsideRootsError(ComposeportsError):
    """The server was started with `--root`, and the worktree is in none of those folders."""

    code = "outside_roots"
    exit_code = EXIT_CONFIG


class ComposeLimitError(ComposeFileError):
    """Compose took too much time or memory to read the files, for example nested aliases."""

    code = "compose_limit"


class BlockTooSmallError(ComposeFileError):
    """The Compose file publishes more ports than a block holds."""

    code = "block_too_small"


class NotIsolatedError(ComposeFileError):
    """The plan has warnings, and strict mode was requested."""

    code = "not_isolated"


class PortPrivilegedError(ComposeportsError):
    """A rootless engine may not listen on a port, and the port cannot be changed."""

    code = "port_privileged"
    exit_code = EXIT_CONFIG


class FileAccessError(ComposeportsError):
    """A file or folder of composeports cannot be written, or was not made by composeports."""

    code = "file_access"
    exit_code = EXIT_CONFIG


class UnsafeFileError(FileAccessError):
    """A file is a pipe, a device, a symbolic link or too large, so it is not read."""

    code = "file_unsafe"


class UserFileError(ComposeportsError):
    """composeports cannot add its part to a user's file, or remove it, without doing harm."""

    code = "file_not_ours"
    exit_code = EXIT_CONFIG
