"""What `docker` says when it fails, as errors of ours."""

from composeports.errors import ComposeMissingError, EngineError, EngineSilentError
from composeports.host.process import NOT_FOUND

# As different versions say that a network of a list is gone.
_GONE = ("no such network", "not found")


def only_gone(err: str) -> bool:
    """Tell whether all that is complained about is networks that are there no more."""
    lines = [line.lower() for line in err.splitlines() if line.strip()]
    return bool(lines) and all(any(words in line for words in _GONE) for line in lines)


def engine_failure(code: int, err: str, address: str) -> EngineError | ComposeMissingError:
    """Return what `docker` said when it ended with this code, as an error of ours.

    The address is that of the engine.
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
    """Return the error for an engine at the address that did not answer in so many seconds."""
    from composeports.core.engine_diagnosis import explain_silence  # noqa: PLC0415 - after a failure

    message, hint = explain_silence(address, seconds)
    return EngineSilentError(message, hint=hint, seconds=seconds)
