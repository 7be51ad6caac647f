"""Turns the failures of `docker` into the exceptions of composeports."""

from composeports.errors import ComposeMissingError, EngineError, EngineSilentError
from composeports.host.process import NOT_FOUND

# Messages of different versions if a network of a list no longer exists.
_GONE = ("no such network", "not found")


def only_gone(err: str) -> bool:
    """Return True if every line of the message is about a network that no longer exists."""
    lines = [line.lower() for line in err.splitlines() if line.strip()]
    return bool(lines) and all(any(words in line for words in _GONE) for line in lines)


def engine_failure(code: int, err: str, address: str) -> EngineError | ComposeMissingError:
    """Return the exception for a `docker` command that ended with this exit code.

    `err` is the command's stderr, `address` the address of the engine.
    """
    if code == NOT_FOUND:
        return ComposeMissingError(
            "the `docker` command was not found",
            hint="install Docker (engine, command and the Compose plugin) and put it on PATH",
        )
    from composeports.core.engine_diagnosis import explain  # noqa: PLC0415 - only after a failure

    message, hint = explain(address, err or f"docker ended with exit code {code}")
    return EngineError(message, hint=hint)


def silence(address: str, seconds: float) -> EngineSilentError:
    """Return the exception for an engine that did not answer within `seconds`."""
    from composeports.core.engine_diagnosis import explain_silence  # noqa: PLC0415 - on failure

    message, hint = explain_silence(address, seconds)
    return EngineSilentError(message, hint=hint, seconds=seconds)
