"""`--session` names an existing session by what a person knows of it; a new session by its id."""

from pathlib import Path

import pytest

from tests.harness.repository import add_worktree
from tests.support.machine import Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def there(shell: Shell, tmp_path: Path) -> Shell:
    """A worktree `checkout-form` with a lease, beside the shell's own folder, which has one too."""
    worktree = add_worktree(shell.cwd, tmp_path / "Checkout_Form", "feature/form")
    there = shell.at(worktree)
    assert there.run("allocate").code == 0
    assert shell.run("allocate").code == 0
    return there


def sessions(shell: Shell) -> dict[str, str]:
    return {row["name"]: row["session_id"] for row in shell.run("status", "--json").document}


def test_a_part_of_a_name_prints_the_environment_of_that_session(
    shell: Shell, there: Shell
) -> None:
    own = there.run("env")
    for text in ("checkout-form", "Checkout_Form", "feature/form", str(there.cwd)):
        done = shell.run("env", "--session", text)
        assert (done.code, done.out, done.err) == (0, own.out, "")
    done = shell.run("--session", "kout", "env")
    assert (done.code, done.out) == (0, own.out)
    assert done.err.startswith(f"session checkout-form ({there.cwd} on feature/form, ac-")


@pytest.mark.usefixtures("there")
def test_release_by_a_part_ends_that_lease_and_no_other(shell: Shell) -> None:
    own = sessions(shell)
    done = shell.run("release", "--session", "form", "--json")
    assert done.document == {"ok": True, "session_id": own["checkout-form"], "released": True}
    assert list(sessions(shell)) == [name for name in own if name != "checkout-form"]


def test_a_part_of_several_names_changes_nothing(shell: Shell, there: Shell) -> None:
    assert there.run("allocate", "--session", "form-2").code == 0
    before = sessions(shell)
    done = shell.run("down", "--session", "form")
    assert done.code == 2
    assert "several sessions are meant by 'form'" in done.err
    assert f"form-2 ({there.cwd} on feature/form, ac-" in done.err
    assert sessions(shell) == before


@pytest.mark.usefixtures("there")
def test_a_new_session_is_named_by_its_id_alone(shell: Shell) -> None:
    before = sessions(shell)
    assert shell.run("allocate", "--session", "checkout-form").code == 0
    after = sessions(shell)
    assert after == {**before, "checkout-form-2": "checkout-form"}
    # From now on it is an id, and ids come first.
    done = shell.run("release", "--session", "checkout-form", "--json")
    assert done.document["session_id"] == "checkout-form"
    assert sessions(shell) == before
    done = shell.run("release", "--session", "checkout-form", "--json")
    assert done.document["session_id"] == "checkout-form"
    assert sessions(shell) == before


@pytest.mark.usefixtures("there")
def test_a_text_that_means_no_session_is_an_id_without_a_lease(shell: Shell) -> None:
    done = shell.run("env", "--session", "nothing")
    assert done.code == 66
    assert "nothing" in done.err


@pytest.mark.usefixtures("there")
def test_a_shell_completes_names_where_a_session_has_to_exist(shell: Shell) -> None:
    def completed(*words: str) -> str:
        return (
            shell.having(
                _COMPOSEPORTS_COMPLETE="bash_complete",
                COMP_WORDS=" ".join(("composeports", *words)),
                COMP_CWORD=str(len(words)),
            )
            .run()
            .out
        )

    assert "plain,checkout-form\n" in completed("env", "--session", "check")
    assert completed("allocate", "--session", "check") == ""
