"""A docker command line: its engine, and containers of the session's Compose file."""

import pytest

from composeports.core.docker_arguments import (
    config_folder,
    is_elsewhere,
    split_command,
    with_session_names,
)

NAMES = {"shop-db", "shop-web"}
DB, WEB = "ac-1-shop-db", "ac-1-shop-web"


def renamed(line: str) -> str:
    return " ".join(with_session_names(line.split(" "), NAMES, "ac-1"))


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("exec shop-db true", f"exec {DB} true"),
        ("exec -it shop-db psql -h shop-db", f"exec -it {DB} psql -h shop-db"),
        ("exec -u shop-db shop-web id shop-db", f"exec -u shop-db {WEB} id shop-db"),
        ("exec -ushop-db shop-web id", f"exec -ushop-db {WEB} id"),
        ("exec -itu shop-db shop-web id", f"exec -itu shop-db {WEB} id"),
        ("exec --env=A=b -w /x --detach shop-db x", f"exec --env=A=b -w /x --detach {DB} x"),
        ("exec --env= shop-db x", f"exec --env= {DB} x"),
        ("exec -- shop-db x", f"exec -- {DB} x"),
        ("exec shop-db tool --type image", f"exec {DB} tool --type image"),
        ("exec /shop-db x", f"exec /{DB} x"),
        ("container exec shop-db x", f"container exec {DB} x"),
        ("logs shop-db --tail 5", f"logs {DB} --tail 5"),
        ("logs -n 5 -f shop-db", f"logs -n 5 -f {DB}"),
        ("cp dump.sql shop-db:/tmp/shop-db", f"cp dump.sql {DB}:/tmp/shop-db"),
        ("cp -a shop-db:/tmp/a=b shop-web:/x", f"cp -a {DB}:/tmp/a=b {WEB}:/x"),
        ("cp shop-db shop-web:/x", f"cp shop-db {WEB}:/x"),
        ("cp - shop-db:/x", f"cp - {DB}:/x"),
        ("inspect -f {{.Id}} shop-db other", f"inspect -f {{{{.Id}}}} {DB} other"),
        ("inspect --type container shop-db", f"inspect --type container {DB}"),
        ("inspect --type=container shop-db", f"inspect --type=container {DB}"),
        ("stop -t 1 shop-db shop-web -- shop-db", f"stop -t 1 {DB} {WEB} -- {DB}"),
        ("restart --time=0 shop-db", f"restart --time=0 {DB}"),
        ("rm -fv shop-db", f"rm -fv {DB}"),
        ("kill -s TERM shop-db", f"kill -s TERM {DB}"),
        ("start -a shop-db", f"start -a {DB}"),
        ("top shop-db -o pid,shop-db", f"top {DB} -o pid,shop-db"),
        ("port shop-db 5432", f"port {DB} 5432"),
        ("wait shop-db shop-web", f"wait {DB} {WEB}"),
        ("attach --no-stdin shop-db", f"attach --no-stdin {DB}"),
        ("stats --no-stream shop-db", f"stats --no-stream {DB}"),
        ("commit -m shop-db shop-db shop-web", f"commit -m shop-db {DB} shop-web"),
        ("rename shop-db shop-web", f"rename {DB} shop-web"),
        ("update -m 1g shop-db", f"update -m 1g {DB}"),
        ("ps -q -f name=shop-db", f"ps -q -f name={DB}"),
        ("ps -qf name=^/shop-db$", f"ps -qf name=^/{DB}$"),
        ("container ls --filter=name=^shop-db", f"container ls --filter=name=^{DB}"),
        ("run --network container:shop-db x", f"run --network container:{DB} x"),
        ("run --rm --net=container:shop-db x y", f"run --rm --net=container:{DB} x y"),
        ("run -it --volumes-from shop-db:ro x", f"run -it --volumes-from {DB}:ro x"),
        ("create --pid container:shop-db x", f"create --pid container:{DB} x"),
        ("run --link shop-db x", f"run --link {DB}:shop-db x"),
        ("run --link shop-db:db x", f"run --link {DB}:db x"),
    ],
)
def test_a_renamed_container_is_the_sessions(line: str, after: str) -> None:
    assert renamed(line) == after


@pytest.mark.parametrize(
    "line",
    [
        "",
        "container",
        "exec",
        "exec -u",
        "exec other psql -h shop-db",
        "exec other --env shop-db",
        "exec shop-db-2 true",
        "inspect --type volume shop-db",
        "inspect --type=image shop-db",
        "cp a:b/shop-db ./x",
        "ps",
        "ps --format shop-db",
        "ps -f label=shop-db",
        "ps -f name=shop-d.",
        "run --name shop-db x",
        "run -e A=container:shop-db x --link shop-db",
        "run --rm x --network container:shop-db",
        "run --network shop-db x",
        "volume rm shop-db",
        "network inspect shop-db",
        "image inspect shop-db",
        "build -t shop-db .",
        "tag shop-db other",
    ],
)
def test_everything_else_stays_as_it_is(line: str) -> None:
    assert renamed(line) == line


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("ps -a", 0),
        ("--config x ps", 2),
        ("--config=x -D ps", 2),
        ("-l debug compose up", 2),
        ("-ldebug compose up", 1),
        ("-Dl debug compose up", 2),
        ("--tls --tlscert c ps", 3),
        ("--config", 1),
        ("", 0),
    ],
)
def test_dockers_own_options_end_where_the_command_stands(line: str, options: int) -> None:
    assert split_command(line.split(" ") if line else []) == options


@pytest.mark.parametrize(
    "line", ["-H tcp://x", "-Htcp://x", "--host=x", "-c other", "-Dc other", "--context x", "-v"]
)
def test_another_engine_is_elsewhere(line: str) -> None:
    assert is_elsewhere(line.split())


@pytest.mark.parametrize("line", ["", "-D", "-l warn", "--config -H", "--log-level=-c"])
def test_other_options_are_not(line: str) -> None:
    assert not is_elsewhere(line.split())


def test_the_folder_of_dockers_settings_is_found() -> None:
    assert config_folder(["--config", "one", "-D", "--config=two"]) == "two"
    assert config_folder(["-D"]) == ""
