"""The wrapper of docker on a real disk and in a real /bin/sh: its path and its decisions."""

import os
import stat
from pathlib import Path

import pytest

from composeports.errors import FileAccessError
from composeports.host.script_text import script_of, scripts_in
from composeports.host.wrapper import unwrapped, unwrapped_variables, without_wrappers
from composeports.host.wrapper_folder import install
from tests.harness import program
from tests.harness.program import write_program

pytestmark = pytest.mark.integration

ODD = "a b'c\"d\n$HOME `x` é"


class Wrapped:
    """A shell with the wrapper in front of a docker that only says its words, as does its Python.

    The program that spoke comes first in what is said.
    """

    def __init__(self, place: Path) -> None:
        python = write_program(place / ODD / "python", 'printf "<%s>" python "${@:-}"')
        self.real = place / "real"
        for name in ("docker", "docker-compose"):
            say = f'printf "<%s>" {name} "$@"; printf "\\n%s" "$PATH" >"{place}/path"'
            write_program(self.real / name, say)
        self.own = place / "own"
        self.own.mkdir()
        self.path = place / "path"
        self.folder = install([str(place / ODD / "state")], "1.2.3", str(python))
        self.environ = {
            "PATH": f"{self.folder}:/nowhere:{self.real}",
            "COMPOSEPORTS_WRAP_PROJECT": "ac-1",
            "COMPOSEPORTS_WRAP_FOLDER": str(self.own),
            "COMPOSEPORTS_WRAP_CONTAINERS": "shop-db",
            "COMPOSEPORTS_WRAP_ENGINE": " ",
        }

    def run(self, *words: str, name: str = "docker", **variables: str) -> tuple[int, str]:
        environ = {**self.environ, **variables}
        done = program.run(f"{self.folder}/{name}", *words, environ=environ)
        return done.code, done.out

    def speaker(self, line: str, **variables: str) -> str:
        code, out = self.run(*line.split(), **variables)
        assert code == 0
        return out[1:].partition(">")[0]


@pytest.fixture
def wrapped(tmp_path: Path) -> Wrapped:
    return Wrapped(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "ps",
        "ps -a --format x",
        "exec other cat shop-d",
        "build -t shop-db .",
        "volume rm other",
        "volume prune",
        "system df",
        "image ls",
        "ps -f status=exited",
        "run --rm bb:1",
        "-H tcp://x exec shop-db",
        "--host=tcp://x compose up",
        "--context other compose up",
        "-c other exec shop-db",
        "-Dc other exec shop-db",
        "--version",
        "-v",
        "exec",
        "logs",
        "container",
        "",
    ],
)
def test_what_does_not_concern_the_session_costs_no_python(wrapped: Wrapped, line: str) -> None:
    assert wrapped.speaker(line) == "docker"


@pytest.mark.parametrize(
    "line",
    [
        "compose up",
        "-D -l debug compose up",
        "--config x compose ps",
        "-lwarn --tlscert x compose ps",
        "-Dl warn compose ps",
        "exec -it shop-db sh",
        "container exec shop-db sh",
        "cp shop-db:/x .",
        "logs /shop-db",
        "ps -qf name=shop-db",
        "ps --filter=name=^/shop-db$",
        "run --network=container:shop-db x",
        "run --volumes-from shop-db:ro x",
        "run -v shop-db:/data x",
        "run -vshop-db:/data x",
        "run --mount type=volume,source=shop-db,target=/data x",
        "run --mount=src=shop-db,dst=/data x",
        "run --rm shop-db:latest migrate",
        "volume rm shop-db",
        "network connect shop-db other",
        "rmi -f shop-db",
        "image inspect shop-db",
        "tag shop-db other",
        "ps -qf name=shop-",
        "ps -qfname=shop-",
        "volume ls --filter=name=shop_",
        "ps -q --filter label=com.docker.compose.project=shop-db",
        "system prune --filter label=com.docker.compose.project=shop-db",
    ],
)
def test_what_may_concern_it_goes_to_composeports(wrapped: Wrapped, line: str) -> None:
    assert wrapped.speaker(line) == "python"


def test_docker_compose_always_goes_to_composeports(wrapped: Wrapped) -> None:
    code, out = wrapped.run("up", "-d", name="docker-compose")
    assert code == 0
    assert out.startswith("<python><-P><-c>")
    assert out.endswith("<docker-call><docker-compose><up><-d>")


def test_names_of_a_later_up_count_as_well(wrapped: Wrapped) -> None:
    assert wrapped.speaker("exec shop-new sh") == "docker"
    (wrapped.own / "containers").write_text("shop-new shop-web\n")
    assert wrapped.speaker("exec shop-new sh") == "python"
    assert wrapped.speaker("exec shop-db sh") == "python"


def test_a_pipe_or_a_link_in_the_place_of_the_names_is_not_read(wrapped: Wrapped) -> None:
    names = wrapped.own / "containers"
    os.mkfifo(names)
    assert wrapped.speaker("exec shop-new sh") == "docker"
    names.unlink()
    names.symlink_to("/dev/zero")
    assert wrapped.speaker("exec shop-new sh") == "docker"


def test_without_a_session_or_on_another_engine_all_goes_through(wrapped: Wrapped) -> None:
    for variables in (
        {"COMPOSEPORTS_WRAP_PROJECT": ""},
        {"DOCKER_HOST": "tcp://elsewhere"},
        {"DOCKER_CONTEXT": "other"},
    ):
        assert wrapped.speaker("exec shop-db sh", **variables) == "docker"
        assert wrapped.speaker("compose up", **variables) == "docker"


def test_words_are_handed_on_as_they_are(wrapped: Wrapped) -> None:
    words = ("run", "two  words", "$HOME", "'\"", "*", "a\nb", "", "--", "é", "\\")
    shown = "".join(f"<{word}>" for word in words)
    assert wrapped.run(*words) == (0, f"<docker>{shown}")
    assert wrapped.run("compose", *words)[1].endswith(f"<docker><compose>{shown}")


def test_docker_gets_the_path_without_the_wrapper(wrapped: Wrapped) -> None:
    before = f"::/nowhere::{wrapped.real}:"
    wrapped.run("ps", PATH=f"{wrapped.folder}:{before}{wrapped.folder}")
    assert wrapped.path.read_text() == "\n" + before.rstrip(":")


def test_a_missing_docker_is_127(wrapped: Wrapped) -> None:
    assert wrapped.run("ps", PATH=f"{wrapped.folder}:/nowhere")[0] == 127


def test_a_wrapper_behind_a_wrapper_is_passed_over(wrapped: Wrapped, tmp_path: Path) -> None:
    other = install([str(tmp_path / "other")], "9.9.9", "/nowhere/python")
    assert other != wrapped.folder
    assert wrapped.speaker("ps", PATH=f"{wrapped.folder}:{other}:{wrapped.real}") == "docker"


# Where it lies


def test_it_is_the_users_alone_and_written_once(tmp_path: Path) -> None:
    folder = Path(install([str(tmp_path / "state")], "1", "/usr/bin/python3"))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path.name for path in before} == {"docker", "docker-compose", "composeports-wrapper"}
    for path in (folder, folder.parent, *before):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert install([str(tmp_path / "state")], "1", "/usr/bin/python3") == str(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]
    assert install([str(tmp_path / "state")], "2", "/usr/bin/python3") != str(folder)


def make_link(state: Path) -> None:
    (state / "elsewhere").mkdir()
    (state / "wrapper").symlink_to("elsewhere")


def let_others_write(state: Path) -> None:
    (state / "wrapper").mkdir()
    (state / "wrapper").chmod(0o777)


def change_script(state: Path) -> None:
    folder = Path(install([str(state)], "1", "/usr/bin/python3"))
    (folder / "docker").write_text("#!/bin/sh\necho pwned\n")


def take_rights(state: Path) -> None:
    folder = Path(install([str(state)], "1", "/usr/bin/python3"))
    (folder / "docker").chmod(0o600)


def open_state(state: Path) -> None:
    state.chmod(0o777)


@pytest.mark.parametrize(
    "spoil", [make_link, let_others_write, change_script, take_rights, open_state]
)
def test_a_folder_that_others_could_change_is_never_used(tmp_path: Path, spoil: "object") -> None:
    state, next_best = tmp_path / "state", tmp_path / "next"
    state.mkdir(mode=0o700)
    assert callable(spoil)
    spoil(state)
    folder = install([str(state), str(next_best)], "1", "/usr/bin/python3")
    assert folder.startswith(f"{next_best}/")
    with pytest.raises(FileAccessError, match=str(state)):
        install([str(state)], "1", "/usr/bin/python3")


def test_a_colon_in_the_path_and_a_file_in_the_way_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for state in ("a:b", "file", "file/below"):
        with pytest.raises(FileAccessError, match="cannot be used"):
            install([str(tmp_path / state)], "1", "/usr/bin/python3")


def test_an_environment_is_as_it_was_before_the_wrapper(wrapped: Wrapped) -> None:
    assert without_wrappers(wrapped.environ["PATH"]) == f"/nowhere:{wrapped.real}"
    assert unwrapped(wrapped.environ) == {"PATH": f"/nowhere:{wrapped.real}"}
    assert unwrapped({}) == {}
    assert dict(unwrapped_variables(wrapped.environ))["PATH"] == f"/nowhere:{wrapped.real}"
    assert unwrapped_variables({"PATH": "/bin"}) == ()


# The text of scripts


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("sh", "seed.sh", "x"), "seed.sh"),
        (("bash", "-eu", "seed.sh"), "seed.sh"),
        (("./seed.sh",), "./seed.sh"),
        (("make", "reset"), "Makefile"),
        (("make", "-f", "other.mk"), "other.mk"),
        (("sh", "-c", "seed.sh"), ""),
        (("seed.sh",), ""),
        (("./data",), ""),
        (("./missing",), ""),
        (("sh",), ""),
    ],
)
def test_the_script_of_a_command_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], name: str
) -> None:
    for file in ("seed.sh", "Makefile", "other.mk"):
        (tmp_path / file).write_text(f"# {file}\n")
    (tmp_path / "data").write_bytes(b"\x7fELF\0")
    monkeypatch.chdir(tmp_path)
    assert script_of(argv) == (name, f"# {os.path.basename(name)}\n" if name else "")


def test_the_scripts_of_a_checkout_are_found_and_nothing_else_is_read(tmp_path: Path) -> None:
    names = (
        *("Makefile", "package.json", "seed.sh", "scripts/seed", "bin/go.sh", "Taskfile.yml"),
        *("scripts/seed.py", "tools/seed.mjs", "tasks.py", ".husky/pre-commit", "ops/up.sh"),
    )
    for name in (*names, "notes.txt", "seed", "app.py", "scripts/seed.txt", "src/deep.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "binary.sh").write_bytes(b"\x7fELF\0")
    (tmp_path / "large.sh").write_bytes(b"#" * (1 << 21))
    os.mkfifo(tmp_path / "pipe.sh")
    (tmp_path / "endless.sh").symlink_to("/dev/zero")
    (tmp_path / "folder.sh").mkdir()
    found = dict(scripts_in([str(tmp_path), str(tmp_path), str(tmp_path / "missing")]))
    assert found == {str(tmp_path / name): f"# {name}\n" for name in names}


def test_no_more_than_a_mebibyte_of_scripts_is_read(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.sh").write_text("#" * (1 << 17))
    assert len(list(scripts_in([str(tmp_path)]))) == 8
