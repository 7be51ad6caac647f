"""Every failure a user can see: message, hint, stable code and exit code; no I/O."""

EXIT_USAGE = 2
EXIT_NO_LEASE = 66
EXIT_ENGINE = 69
EXIT_BUG = 70
EXIT_TRY_LATER = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130


class ComposeportsError(Exception):
    """A failure with a next step; `code` and `exit_code` are promises to scripts."""

    code = "error"
    exit_code = EXIT_BUG

    def __init__(self, message: str, *, hint: str = "", **details: object) -> None:
        """Keep the message, the next step and the facts that `--json` shows as `details`."""
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
    """The command line says something that cannot be done."""

    code = "usage"
    exit_code = EXIT_USAGE


class InvalidSessionError(UsageError, ValueError):
    """A session id that is empty, blank or holds characters that cannot be stored."""

    code = "invalid_session"


class NoLeaseError(ComposeportsError):
    """The session holds no lease, and the command needs one."""

    code = "no_lease"
    exit_code = EXIT_NO_LEASE


class UnknownPortError(UsageError):
    """The session's stack publishes no such port, or several where one was asked for."""

    code = "unknown_port"


class EngineError(ComposeportsError):
    """The engine did not answer, so nothing is known about what runs."""

    code = "engine_unreachable"
    exit_code = EXIT_ENGINE


class EngineSilentError(EngineError):
    """The engine took the question and did not answer in time: it is frozen, or overloaded."""


class ComposeMissingError(ComposeportsError):
    """Docker or its Compose plugin is not installed."""

    code = "compose_missing"
    exit_code = EXIT_ENGINE


class ComposeTooOldError(ComposeportsError):
    """The Compose plugin does not know the override tags that a plan needs."""

    code = "compose_too_old"
    exit_code = EXIT_ENGINE


class ExtraMissingError(ComposeportsError):
    """A command needs packages that are an extra of ours, which is not installed."""

    code = "extra_missing"
    exit_code = EXIT_ENGINE


class AddressInUseError(ComposeportsError):
    """Something else listens where a server of ours wants to."""

    code = "address_in_use"
    exit_code = EXIT_TRY_LATER


class NoPortsAvailableError(ComposeportsError):
    """Every block is held, or every free one has a port that is taken."""

    code = "no_ports_available"
    exit_code = EXIT_TRY_LATER


class PortHeldError(ComposeportsError):
    """A port that has to be this one, and no other, is held or used by somebody else."""

    code = "port_held"
    exit_code = EXIT_TRY_LATER


class OtherEngineError(ComposeportsError):
    """The session's stack was started on another engine than the one that is asked now."""

    code = "other_engine"
    exit_code = EXIT_TRY_LATER


class NoSubnetsAvailableError(ComposeportsError):
    """The pool has no subnet of the wanted size that nobody else has."""

    code = "no_subnets_available"
    exit_code = EXIT_TRY_LATER


class StoreBusyError(ComposeportsError):
    """Somebody else holds the store's write lock for longer than we wait."""

    code = "store_busy"
    exit_code = EXIT_TRY_LATER


class StackLeftError(ComposeportsError):
    """Containers or networks of the project are still there after a removal."""

    code = "stack_left"
    exit_code = EXIT_TRY_LATER


class LockBusyError(ComposeportsError):
    """Another command works on the same session right now."""

    code = "session_busy"
    exit_code = EXIT_TRY_LATER


class PortTakenError(ComposeportsError):
    """Somebody else took a port between our look and the engine's bind, again and again."""

    code = "port_taken"
    exit_code = EXIT_TRY_LATER


class ForeignProjectError(ComposeportsError):
    """Somebody else started containers under the project name of this session."""

    code = "project_foreign"
    exit_code = EXIT_TRY_LATER


class SeedBusyError(ComposeportsError):
    """Another process is copying volumes for this session right now."""

    code = "seed_busy"
    exit_code = EXIT_TRY_LATER


class SeedError(ComposeportsError):
    """The engine could not copy a volume; a half copy is removed, if need be by the next `up`."""

    code = "seed_failed"
    exit_code = EXIT_ENGINE


class StoreError(ComposeportsError):
    """The store cannot be read or written, is damaged or is from a newer version."""

    code = "store_unusable"
    exit_code = EXIT_CONFIG


class StoreServerError(StoreError):
    """The database server of a shared store is not reached, or does not let us work."""

    code = "store_server"
    exit_code = EXIT_ENGINE


class ConfigError(ComposeportsError, ValueError):
    """A setting has a value that is not accepted."""

    code = "invalid_config"
    exit_code = EXIT_CONFIG


class ComposeFileError(ComposeportsError):
    """Compose rejects the file, or it cannot be planned."""

    code = "compose_file"
    exit_code = EXIT_CONFIG


class OutsideRootsError(ComposeportsError):
    """A server was started with `--root`, and the worktree lies in none of those folders."""

    code = "outside_roots"
    exit_code = EXIT_CONFIG


class ComposeLimitError(ComposeFileError):
    """Compose took too much time or memory to read the files, as with aliases of aliases."""

    code = "compose_limit"


class BlockTooSmallError(ComposeFileError):
    """The Compose file publishes more ports than a block holds."""

    code = "block_too_small"


class NotIsolatedError(ComposeFileError):
    """The plan has warnings, and was asked to be strict."""

    code = "not_isolated"


class PortPrivilegedError(ComposeportsError):
    """A rootless engine may not listen on a port that has to be this one."""

    code = "port_privileged"
    exit_code = EXIT_CONFIG


class FileAccessError(ComposeportsError):
    """A file or folder of ours cannot be written, or is not what we made."""

    code = "file_access"
    exit_code = EXIT_CONFIG


class UnsafeFileError(FileAccessError):
    """A file is a pipe, a device, a symbolic link or too large, so that it is not read."""

    code = "file_unsafe"


class NotOursError(ComposeportsError):
    """A file of the user's that cannot get a part of ours, or lose it, without harm."""

    code = "file_not_ours"
    exit_code = EXIT_CONFIG
