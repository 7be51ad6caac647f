"""A test runs every code block of README and docs/; the exceptions have a reason here."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.documents import ROOT, Block, blocks, pages

ACCEPTANCE, INTEGRATION = "tests/acceptance", "tests/integration"
README = f"{ACCEPTANCE}/test_readme.py"
COMMANDS = f"{ACCEPTANCE}/test_documented.py::test_the_commands_of_guide_and_shell_are_run_in_order"
TARGETS = "tests/unit/test_documented.py::test_every_target_of_make_exists"
PAGE = f"{README}::test_a_page_of_the_docs_shows_what_happens"
RECIPES = f"{INTEGRATION}/test_agent_recipes.py"
CLAUDE_HOOKS = f"{RECIPES}::test_claude_code_s_hooks_make_and_remove_a_worktree"
COORDINATOR = f"{ACCEPTANCE}/test_agent_coordinator.py::test_the_page_of_agent_coordinator_is_run"
# (page, kind, how the block or the command begins) -> the test that runs it as it stands there.
SHARING = "tests/fleet/test_readme.py::test_two_hosts_come_to_share_an_empty_database"
RUN = {
    ("README.md", "sh", "psql "): SHARING,
    ("README.md", "sh", "COMPOSEPORTS_STORE="): SHARING,
    ("README.md", "sh", "echo "): SHARING,
    ("README.md", "sh", "export COMPOSEPORTS_STORE="): SHARING,
    ("README.md", "sh", "composeports "): SHARING,
    ("README.md", "console", ""): f"{README}::test_the_readme_shows_what_happens",
    ("CONTRIBUTING.md", "sh", "make "): TARGETS,
    ("docs/ci.md", "yaml", "# Written by"): (
        f"{ACCEPTANCE}/test_ci_examples.py::test_a_job_runs_tests_on_the_stack_and_leaves_nothing"
    ),
    ("docs/agent-coordinator.md", "toml", ""): COORDINATOR,
    ("docs/agent-coordinator.md", "sh", ""): COORDINATOR,
    ("docs/agents.md", "sh", "git worktree "): f"{RECIPES}::test_git_worktree_alone",
    ("docs/agents.md", "sh", "cd "): f"{RECIPES}::test_git_worktree_alone",
    ("docs/agents.md", "sh", "composeports "): f"{RECIPES}::test_an_agent_s_parts_are_installed",
    ("docs/agents.md", "sh", "# Claude Code sends"): CLAUDE_HOOKS,
    ("docs/agents.md", "sh", "# Removes the stack"): CLAUDE_HOOKS,
    ("docs/agents.md", "json", '{\n  "hooks"'): CLAUDE_HOOKS,
    ("docs/agents.md", "json", '{\n  "experimental"'): f"{RECIPES}::test_gemini_s_worktrees",
    ("docs/agents.md", "json", '{\n  "scripts"'): f"{RECIPES}::test_conductor_s_scripts",
    ("docs/agents.md", "json", '{\n  "image"'): (
        f"{INTEGRATION}/test_devcontainer_feature.py"
        "::test_the_example_uses_the_feature_with_options_that_it_has"
    ),
    ("docs/agents.md", "toml", "version = 1"): f"{RECIPES}::test_codex_s_scripts",
    ("docs/agents.md", "toml", "[pre-start]"): f"{RECIPES}::test_worktrunk_s_hooks",
    ("docs/ci.md", "yaml", "steps:"): (
        "tests/unit/test_ci_examples.py::test_the_page_shows_how_to_use_the_action"
    ),
    ("docs/first-hour.md", "console", ""): (
        f"{ACCEPTANCE}/test_first_hour.py::test_the_page_is_what_happens"
    ),
    ("docs/fleet.md", "sql", "REVOKE"): (
        f"{INTEGRATION}/stores/test_postgres_faults.py"
        "::test_a_user_with_the_grants_may_do_all_that_is_needed"
    ),
    ("docs/guide.md", "toml", "files = "): COMMANDS,
    ("docs/guide.md", "sh", "composeports up --seed-from"): COMMANDS,
    ("docs/guide.md", "sh", "composeports doctor"): COMMANDS,
    ("docs/guide.md", "sh", "composeports skills "): COMMANDS,
    ("docs/guide.md", "sh", "composeports allow"): COMMANDS,
    ("docs/guide.md", "toml", "[after]"): (
        f"{ACCEPTANCE}/test_after_up.py::test_the_guide_shows_commands_that_run"
    ),
    ("docs/guide.md", "json", ""): (
        f"{INTEGRATION}/test_documented.py::test_a_failure_is_the_document_of_the_guide"
    ),
    ("docs/guide.md", "text", "failed: "): (
        f"{ACCEPTANCE}/test_failed_up.py::test_the_guide_shows_a_failed_up"
    ),
    ("docs/http.md", "sh", "COMPOSEPORTS_API_KEYS="): (
        f"{INTEGRATION}/test_documented.py::test_the_servers_start_as_the_docs_say"
    ),
    ("docs/http.md", "sh", "curl "): (
        f"{INTEGRATION}/servers/test_http_docs.py::test_the_request_of_the_docs_gets_the_answer_of_the_docs"
    ),
    ("docs/http.md", "json", ""): (
        f"{INTEGRATION}/servers/test_http_docs.py::test_the_request_of_the_docs_gets_the_answer_of_the_docs"
    ),
    ("docs/http.md", "python", ""): (
        f"{INTEGRATION}/servers/test_http_docs.py::test_the_example_of_the_docs_runs"
    ),
    ("docs/leases.md", "console", ""): PAGE,
    ("docs/mcp.md", "sh", "COMPOSEPORTS_API_KEYS="): (
        f"{INTEGRATION}/test_documented.py::test_the_servers_start_as_the_docs_say"
    ),
    ("docs/mcp.md", "python", ""): (
        f"{ACCEPTANCE}/test_mcp.py::test_docs_show_how_to_add_the_tools_to_another_server"
    ),
    ("docs/plan.md", "console", ""): f"{README}::test_the_page_about_plans_shows_what_happens",
    ("docs/pytest.md", "python", ""): (
        f"{ACCEPTANCE}/test_pytest_plugin.py"
        "::test_two_workers_test_on_two_stacks_and_leave_nothing"
    ),
    ("docs/python.md", "python", ""): f"{README}::test_the_python_example_of_the_docs_runs",
    ("docs/remote.md", "sh", ""): (
        f"{ACCEPTANCE}/test_remote.py::test_the_page_about_remote_engines_leads_to_one"
    ),
    ("docs/remote.md", "sshconfig", ""): (
        f"{ACCEPTANCE}/test_remote.py::test_the_page_about_remote_engines_leads_to_one"
    ),
    ("docs/shell.md", "console", ""): PAGE,
    ("docs/shell.md", "sh", "composeports init"): COMMANDS,
    ("docs/shell.md", "sh", "if has composeports"): (
        f"{INTEGRATION}/test_direnv.py::test_the_stack_s_variables_are_there_while_it_is_leased"
    ),
    ("docs/shell.md", "sh", 'eval "$(composeports completion'): (
        f"{INTEGRATION}/cli/test_completion.py"
        "::test_a_real_shell_completes_commands_services_and_sessions"
    ),
    ("docs/shell.md", "sh", "composeports completion fish"): (
        f"{INTEGRATION}/cli/test_completion.py"
        "::test_a_real_shell_completes_commands_services_and_sessions"
    ),
}  # fmt: skip
# The same, with why no test runs it.
NOT_RUN = {
    ("README.md", "sh", "make demo"): "it sets a whole machine up; its target is seen to exist",
    ("README.md", "sh", "make test"): "it is what runs this test",
    ("README.md", "sh", "pip install"): "an installation; test_package.py installs what is built",
    ("README.md", "sh", "pip uninstall"): "it is pip's own work, and would remove what is tested",
    ("docs/design.md", "mermaid", ""): "a picture; nothing to run",
    ("docs/http.md", "sh", "pip install"): "an installation; test_package.py has its extras",
    ("docs/podman.md", "sh", "systemctl "): "it needs systemd; the tests start the service itself",
    ("docs/podman.md", "sh", "loginctl "): "it needs systemd, and changes the machine",
    ("docs/podman.md", "sh", "export DOCKER_HOST="): "test_rootless.py follows what doctor says",
    ("docs/podman.md", "sh", "export DOCKER_BUILDKIT="): "test_podman.py builds with it set",
    ("docs/mcp.md", "sh", "pip install"): "an installation; test_package.py has its extras",
}
# Inside of a construct that begins with another line.
WHOLE = ("if has composeports", "# Claude Code sends", "# Removes the stack")
Shown = tuple[str, str, str]


def shown() -> Iterator[Shown]:
    """Yield (page, kind, text) of every block, of every command in the case of a shell block."""
    for page in pages():
        for block in blocks(page):
            whole = block.language != "sh" or block.text.startswith(WHOLE)
            for text in [block.text] if whole else block.commands:
                yield page, block.language, text


def takers(each: Shown) -> list[Shown]:
    page, kind, text = each
    return [key for key in (*RUN, *NOT_RUN) if key[:2] == (page, kind) and text.startswith(key[2])]


def test_every_block_has_somebody_who_runs_it_or_a_reason() -> None:
    assert [each for each in shown() if len(takers(each)) != 1] == []


def test_nothing_is_listed_that_is_not_shown() -> None:
    taken = {key for each in shown() for key in takers(each)}
    assert {*RUN, *NOT_RUN} - taken == set()


@pytest.mark.parametrize("name", sorted(set(RUN.values())))
def test_who_runs_a_block_exists_and_reads_the_page(name: str) -> None:
    path, _, function = name.partition("::")
    text = (ROOT / path).read_text()
    tree = ast.parse(text)
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    for page in {page.rpartition("/")[2] for (page, *_), test in RUN.items() if test == name}:
        assert page in text, f"{path} has nothing to do with {page}"


def test_a_new_block_would_be_found() -> None:
    assert takers(("docs/guide.md", "sh", "composeports gc")) == []
    assert takers(("docs/guide.md", "sh", "composeports doctor --fix")) != []
    block = Block("x", "sh", "# first\na b \\\n    c   # why\n\nd '#'\n")
    assert [each.split() for each in block.commands] == [["a", "b", "c"], ["d", "'#'"]]


def test_every_target_of_make_exists() -> None:
    called = [
        command.split()[1]
        for page in ("README.md", "CONTRIBUTING.md")
        for block in blocks(page, "sh")
        for command in block.commands
        if command.startswith("make ")
    ]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "demo" in called
    assert set(called) - set(targets) == set()


def test_the_pages_about_a_shared_store_name_one_database() -> None:
    named = {
        name
        for page in ("README.md", "docs/fleet.md")
        for name in re.findall(r"\bDATABASE (\w+)", (ROOT / page).read_text())
    }
    assert named == {"ports"}
