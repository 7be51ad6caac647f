"""What `init` would write: created, added, existing or left, and never any content lost."""

import tomllib

import pytest

from composeports.core.settings_schema import KEYS, read_settings
from composeports.usecases.init.policy import (
    ADDED,
    DIRENV,
    LEFT,
    MADE,
    SETTINGS,
    THERE,
    InitStep,
    envrc,
    json_client,
    new_file,
    next_step,
    settings,
    toml_client,
)

ENTRY = {"command": "composeports", "args": ["mcp"]}
SNIPPET = '[mcp_servers.composeports]\ncommand = "composeports"\n'


@pytest.mark.parametrize(
    ("before", "state"),
    [(None, MADE), (b"# composeports up\n", THERE), (b"stages: []\n", LEFT), (b"", LEFT)],
)
def test_a_file_of_ours_is_made_only_where_there_is_none(before: bytes | None, state: str) -> None:
    step = new_file("ci.yml", before, b"ours\n")
    assert step.state == state
    assert step.after == (b"ours\n" if state == MADE else before)
    assert bool(step.why) is (state == LEFT)


def test_settings_are_valid_as_they_are_and_with_every_line_on() -> None:
    step = settings("composeports.toml", None, "", ())
    assert step.state == MADE
    assert step.after is not None
    text = step.after.decode()
    assert tomllib.loads(text) == {}
    lines = text.splitlines()[2:]
    document = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
    read_settings(document, "composeports.toml", "/top")
    assert set(document) == set(KEYS)
    for table in ("urls", "isolate", "subnets"):
        assert set(document[table]) == set(KEYS[table])


def test_settings_name_files_that_compose_would_not_find() -> None:
    step = settings("composeports.toml", None, "", ['a "b"\\c/compose.yaml'])
    assert step.after is not None
    assert tomllib.loads(step.after.decode()) == {"files": ['a "b"\\c/compose.yaml']}


@pytest.mark.parametrize(
    ("before", "elsewhere"), [(b"x = 1\n", ""), (b"", ""), (None, "pyproject.toml")]
)
def test_settings_that_are_there_stay(before: bytes | None, elsewhere: str) -> None:
    step = settings("composeports.toml", before, elsewhere, ["x"])
    assert (step.state, step.after, elsewhere in step.why) == (THERE, before, True)


@pytest.mark.parametrize("before", [None, b"", b"export A=1", b"export A=1\n"])
def test_direnv_gets_a_block(before: bytes | None) -> None:
    step = envrc(".envrc", before)
    assert step.state == (MADE if before is None else ADDED)
    assert step.after is not None
    assert step.after.startswith(before or b"")
    assert b'eval "$(composeports env)"' in step.after
    assert envrc(".envrc", step.after).state == THERE


def test_direnv_s_file_is_left_where_the_line_is_there_or_the_block_is_broken() -> None:
    assert envrc(".envrc", b'eval "$(composeports env)"\n').state == THERE
    assert envrc(".envrc", DIRENV.begin + b"\n").state == LEFT


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (None, MADE),
        (b"{}", ADDED),
        (b'{"mcpServers": {"x": {}}}', ADDED),
        (b'{"mcpServers": {"composeports": 1}}', THERE),
        (b"// c\n{}", LEFT),
        (b"\xff", LEFT),
    ],
)
def test_a_json_client_gets_our_key(before: bytes | None, state: str) -> None:
    step = json_client(".mcp.json", before, "mcpServers", ENTRY)
    assert step.state == state
    if step.is_to_write:
        assert json_client(".mcp.json", step.after, "mcpServers", ENTRY).state == THERE
    else:
        assert step.after == before


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        (None, MADE, SNIPPET),
        (b"a = 1\n", ADDED, "a = 1\n\n" + SNIPPET),
        (b"a = 1", ADDED, "a = 1\n\n" + SNIPPET),
        (b"[mcp_servers.x]\n", ADDED, "[mcp_servers.x]\n\n" + SNIPPET),
        (b"[mcp_servers.composeports]\n", THERE, "[mcp_servers.composeports]\n"),
        (b"mcp_servers = 1\n", LEFT, "mcp_servers = 1\n"),
        (b"mcp_servers = {}\n", LEFT, "mcp_servers = {}\n"),
        (b"no toml", LEFT, "no toml"),
    ],
)
def test_a_toml_client_gets_our_table(before: bytes | None, state: str, after: str) -> None:
    step = toml_client("config.toml", before, SNIPPET, "mcp_servers")
    assert (step.state, step.after) == (state, after.encode())


@pytest.mark.parametrize(
    ("files", "below", "step"),
    [
        (("compose.yaml",), ("a/compose.yaml",), "composeports up"),
        (
            (),
            ("a b/compose.yaml", "z/compose.yaml"),
            (
                "composeports init --settings, so that `composeports up` finds a b/compose.yaml; "
                "or cd 'a b' && composeports up"
            ),
        ),
        (
            (),
            (),
            (
                "write a compose.yaml, then composeports up; or composeports init --template, for "
                "a stack to begin with; or composeports allocate, for ports without a stack"
            ),
        ),
    ],
)
def test_the_next_step_is_one_that_works(
    files: tuple[str, ...], below: tuple[str, ...], step: str
) -> None:
    assert next_step(files, below) == step


def test_a_diff_shows_what_would_be_written() -> None:
    assert InitStep("a", MADE, None, b"x\n").diff == "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n"
    shown = InitStep("a", ADDED, b"x", b"x\ny\n").diff
    assert shown.splitlines()[:2] == ["--- a/a", "+++ b/a"]
    assert "+y\n" in shown
    assert InitStep("a", LEFT, b"x", b"x").diff == ""


def test_every_setting_has_its_default() -> None:
    table = ""
    for line in SETTINGS.splitlines()[3:]:
        comment = line.rpartition(" # ")[2]
        if line.startswith("# ["):
            table = comment
        elif line:
            assert "default" in comment or "default" in table, line
