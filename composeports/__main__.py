"""The entry points: `env` by its short way where it can be, everything else through the CLI."""

import sys


def main() -> int:
    """Run `composeports`; return the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["env"]:
        from composeports.cli.quick_env import answer  # noqa: PLC0415

        code = answer(arguments)
        if code is not None:
            return code
    return _cli(arguments)


def main_up() -> int:
    """Run `compose-up`, which is `composeports up`."""
    return _cli(_inserted("up"))


def main_down() -> int:
    """Run `compose-down`, which is `composeports down`."""
    return _cli(_inserted("down"))


def _inserted(command: str) -> list[str]:
    from composeports.cli.root import insert_command  # noqa: PLC0415

    return insert_command(sys.argv[1:], command)


def _cli(arguments: list[str]) -> int:
    from composeports.cli.root import run  # noqa: PLC0415

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
