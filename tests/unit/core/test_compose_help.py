"""The options in the help text of Compose commands."""

from composeports.core.compose_help import ComposeOption, parse_options

LOGS = """
Usage:  docker compose logs [OPTIONS] [SERVICE...]

View output from containers, see
  --not-an-option

Options:
      --dry-run         Execute command in dry run mode
  -f, --follow          Follow log output
      --since string    Show logs since timestamp (e.g.
                        2013-01-02T13:23:37Z) or relative (e.g. 42m for
                        42 minutes)
  -n, --tail string     Number of lines to show from the end of the logs
      --plain
"""


def test_the_options_are_read() -> None:
    assert parse_options(LOGS) == (
        ComposeOption(("--dry-run",), False, "Execute command in dry run mode"),
        ComposeOption(("--follow", "-f"), False, "Follow log output"),
        ComposeOption(("--since",), True, "Show logs since timestamp (e.g."),
        ComposeOption(
            ("--tail", "-n"),
            True,
            "Number of lines to show from the end of the logs",
        ),
        ComposeOption(("--plain",), False, ""),
    )


def test_a_text_that_is_no_help_has_none() -> None:
    assert parse_options("unknown docker command\n  --help  x\n") == ()
