"""What `docker` says when it fails, as errors of ours."""

from composeports.errors import ComposeMissingError, EngineError
from composeports.host.process import NOT_FOUND

# As different versions say that a network of a list is gone.
_GONE = ("no such network", "not found")


def only_gone(err: str) -> bool:
    """Tell whether all that is complained about is networks that are there no more."""
    lines = [line.lower() for line in err.splitlines() if line.strip()]
    return bool(lines) and all(any(words in line for words in _GONE) for line in lines)


def engine_failure(code: int, err: str) -> EngineError | ComposeMissingError:
    """Return what `docker` said when it ended with this code, as an error of ours."""
    lines = err.strip().splitlines() or [f"docker ended with exit code {code}"]
    if code == NOT_FOUND:
        return ComposeMissingError(
            "the `docker` command was not found",
            hint="install Docker (engine, command and the Compose plugin) and put it on PATH",
        )
    said = lines[0].removeprefix("error during connect: ")
    if "permission denied" in said.lower():
        hint = (
            "your user may not use the engine's socket: join the group `docker`, then log in again"
        )
    else:
        hint = "start the engine, or check DOCKER_HOST and `docker context ls`; nothing was changed"
    return EngineError(f"the Docker engine did not answer: {said}", hint=hint)
