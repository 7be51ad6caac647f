"""The entry points of `composeports`, `compose-up` and `compose-down`.

`env` takes a short path if it can; `hook run`, `docker-call` and shell completion have paths of
their own. Everything else goes through the CLI.
"""

import gc
import os
import sys
from collections.abc import Callable

# Commands that ask Compose about the files in any case.
WITH_EARLY_QUERIES = (["up"], ["plan"])

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run `composeports` and exit with its exit code."""
    _leave(_undisturbed(lambda: _main(sys.argv[1:])))


def main_up() -> "NoReturn":
    """Run `compose-up`, which is `composeports up`."""
    _leave(_undisturbed(lambda: _inserted("up")))


def main_down() -> "NoReturn":
    """Run `compose-down`, which is `composeports down`."""
    _leave(_undisturbed(lambda: _inserted("down")))


def _leave(code: int) -> "NoReturn":
    """Exit at once: there is nothing to clean up, and unloading all modules takes 20 ms."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)


def _undisturbed(call: Callable[[], int]) -> int:
    """Return the exit code of `call`.

    The exit code is right even if Ctrl-C comes before the CLI is loaded, or if the shell closed a
    stream.
    """
    _open_closed_streams()
    sys.unraisablehook = _heard_too_early
    gc.disable()  # a command is over before there is much to collect
    try:
        return call()
    except KeyboardInterrupt:
        from composeports.errors import EXIT_INTERRUPTED  # noqa: PLC0415

        sys.stderr.write("\ninterrupted\n")
        return EXIT_INTERRUPTED


def _heard_too_early(lost: "sys.UnraisableHookArgs") -> None:
    """Send a SIGINT again if its KeyboardInterrupt came where Python ignores exceptions."""
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
        return
    import _thread  # noqa: PLC0415 - rarely used
    import signal  # noqa: PLC0415 - rarely used

    # From another thread, because an exception raised here would be ignored again.
    _thread.start_new_thread(signal.pthread_kill, (_thread.get_ident(), signal.SIGINT))


def _open_closed_streams() -> None:
    """Open /dev/null in place of a standard stream that the shell closed (`2>&-`)."""
    if None not in {sys.stdout, sys.stderr}:
        return
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr's number
        os.set_inheritable(number, True)  # noqa: FBT003 - the function's only form
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _main(arguments: list[str]) -> int:
    if "COMPOSEPORTS_WRAP_PROJECT" in os.environ:
        from composeports.host.wrapper import without_wrappers  # noqa: PLC0415

        # composeports itself runs the real docker.
        os.environ["PATH"] = without_wrappers(os.environ.get("PATH", ""))
    if arguments[:1] == ["docker-call"]:
        from composeports.cli.docker_call import answer as call_docker  # noqa: PLC0415

        return call_docker(arguments[1:])
    if "_COMPOSEPORTS_COMPLETE" in os.environ:
        return _completed("composeports")
    if arguments[:1] == ["env"]:
        from composeports.cli.fast_env import answer  # noqa: PLC0415

        code = answer(arguments)
        if code is not None:
            return code
    if arguments[:2] == ["hook", "run"]:
        from composeports.cli.fast_hook import answer as run_hook  # noqa: PLC0415

        return run_hook(arguments[2:])
    return _cli(arguments)


def _inserted(command: str) -> int:
    if f"_COMPOSE_{command.upper()}_COMPLETE" in os.environ:
        return _completed(f"compose-{command}")
    from composeports.cli.root import insert_command  # noqa: PLC0415

    return _cli(insert_command(sys.argv[1:], command))


def _completed(program: str) -> int:
    """Print completions for a shell, which passes its command line in a variable."""
    from composeports.cli.shell_completion import answer  # noqa: PLC0415

    return answer(program, os.environ)


def _cli(arguments: list[str]) -> int:
    asks_early = arguments[:1] in WITH_EARLY_QUERIES
    if asks_early:
        from composeports.cli import early_queries  # noqa: PLC0415

        early_queries.start(arguments, os.environ)
    from composeports.cli.root import run  # noqa: PLC0415

    try:
        return run(arguments)
    finally:
        if asks_early:
            early_queries.stop()


if __name__ == "__main__":
    main()
