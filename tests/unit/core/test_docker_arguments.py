"""A docker command line: its engine, and objects of the session's Compose file."""

import pytest

from composeports.core.docker_arguments import (
    as_words,
    config_folder,
    is_elsewhere,
    named_objects,
    read_words,
    split_command,
    with_session_names,
)

DB, WEB = "ac-1-shop-db", "ac-1-shop-web"
DATA, NET, IMAGE = "ac-1_shop_data", "ac-1_shop_net", "shop/app:latest-ac-1"
NAMES = {
    "container": {"shop-db": DB, "shop-web": WEB},
    "volume": {"shop_data": DATA},
    "network": {"shop_net": NET},
    "image": {"docker.io/shop/app:latest": IMAGE},
    "project": {"shop": "ac-1"},
}


def renamed(line: str) -> str:
    return " ".join(with_session_names(line.split(" "), NAMES))


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
        ("volume rm shop_data other", f"volume rm {DATA} other"),
        ("volume rm -f shop_data", f"volume rm -f {DATA}"),
        ("volume inspect -f {{.Name}} shop_data", f"volume inspect -f {{{{.Name}}}} {DATA}"),
        ("volume ls -qf name=shop_data", f"volume ls -qf name={DATA}"),
        ("network rm shop_net", f"network rm {NET}"),
        ("network inspect shop_net", f"network inspect {NET}"),
        ("network connect shop_net shop-db", f"network connect {NET} {DB}"),
        ("network connect --alias shop-db shop_net x", f"network connect --alias shop-db {NET} x"),
        ("network disconnect -f shop_net shop-db", f"network disconnect -f {NET} {DB}"),
        ("run -v shop_data:/data x", f"run -v {DATA}:/data x"),
        ("run --rm --volume=shop_data:/d:ro x", f"run --rm --volume={DATA}:/d:ro x"),
        ("run -vshop_data:/d x", f"run -v{DATA}:/d x"),
        (
            "run --mount type=volume,source=shop_data,target=/shop_data x",
            f"run --mount type=volume,source={DATA},target=/shop_data x",
        ),
        ("run --mount src=shop_data,dst=/d x", f"run --mount src={DATA},dst=/d x"),
        ("run --network shop_net shop/app migrate", f"run --network {NET} {IMAGE} migrate"),
        ("run --rm shop/app:latest shop/app", f"run --rm {IMAGE} shop/app"),
        ("create --net=shop_net docker.io/shop/app", f"create --net={NET} {IMAGE}"),
        ("rmi -f shop/app", f"rmi -f {IMAGE}"),
        ("image rm shop/app other", f"image rm {IMAGE} other"),
        ("image inspect shop/app", f"image inspect {IMAGE}"),
        ("tag shop/app other:1", f"tag {IMAGE} other:1"),
        ("image tag shop/app shop/app", f"image tag {IMAGE} shop/app"),
        ("save -o x.tar shop/app", f"save -o x.tar {IMAGE}"),
        ("ps -qf name=shop-d.", "ps -qf name=ac-1-d."),
        ("ps -aqf name=^/shop_", "ps -aqf name=^/ac-1_"),
        ("ps -f name=shop", "ps -f name=ac-1"),
        ("ps -q -f {label}=shop", "ps -q -f {label}=ac-1"),
        ("ps --filter={label}=shop", "ps --filter={label}=ac-1"),
        ("volume ls -qf {label}=shop", "volume ls -qf {label}=ac-1"),
        ("volume ls -qf name=shop_", "volume ls -qf name=ac-1_"),
        ("volume prune --filter {label}=shop", "volume prune --filter {label}=ac-1"),
        ("network prune --filter {label}=shop", "network prune --filter {label}=ac-1"),
        ("container prune --filter {label}=shop", "container prune --filter {label}=ac-1"),
        ("system prune --filter={label}=shop", "system prune --filter={label}=ac-1"),
        ("images -q --filter {label}=shop", "images -q --filter {label}=ac-1"),
        ("image ls --filter {label}=shop", "image ls --filter {label}=ac-1"),
    ],
)
def test_a_renamed_object_is_the_sessions(line: str, after: str) -> None:
    label = "label=com.docker.compose.project"
    assert renamed(line.replace("{label}", label)) == after.replace("{label}", label)


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
        "ps -f name=shopping",
        "ps -f name=workshop",
        "ps -f label=com.docker.compose.project=other",
        "system prune -f",
        "system",
        "system df shop",
        "run --name shop-db x",
        "run -e A=container:shop-db x --link shop-db",
        "run --rm x --network container:shop-db",
        "run --network shop-db x",
        "volume rm shop-db",
        "volume create shop_data",
        "volume",
        "network inspect shop-db",
        "network create shop_net",
        "network connect",
        "run -v /shop_data:/d x",
        "run -v ./shop_data:/d x",
        "run --mount type=tmpfs,target=/d x",
        "run -e A=shop_data x shop_data",
        "run shop/app:dev",
        "run shop/other shop/app",
        "rmi shop/app:dev",
        "rmi",
        "image ls shop/app",
        "image",
        "inspect shop/app",
        "push shop/app",
        "build -t shop/app .",
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


def test_the_named_objects_of_a_command_are_known() -> None:
    line = "run --link shop-db:db -v shop_data:/d -v other:/o docker.io/shop/app shop-web"
    assert list(named_objects(line.split(" "), NAMES)) == [
        ("container", "shop-db"),
        ("volume", "shop_data"),
        ("image", "docker.io/shop/app:latest"),
    ]
    assert list(named_objects(["ps", "-f", "name=shop-x"], NAMES)) == [("project", "shop")]


def test_the_names_for_the_wrapper_are_one_line() -> None:
    line = as_words(NAMES)
    bare_names = ["shop-db", "shop-web", "shop_data", "shop_net", "shop/app", "shop"]
    assert line.split()[:6] == bare_names
    assert read_words(line, "ac-1") == NAMES
    assert as_words({"container": {}}) == ""


def test_names_that_no_session_has_are_not_read() -> None:
    """The file with the names lies in the worktree, where others may change it."""
    entries = (
        "container:shop-db=other",
        "volume:shop_data=/ac-1",
        "volume:a=ac-1_a:/etc",
        "network:n=--ac-1",
        "image:docker.io/shop/app:latest=ac-1;x",
        "image:docker.io/library/postgres:latest=evil.example/ac-1:1",
        "image:docker.io/library/postgres:latest=evil.example/postgres:1-ac-1",
        "image:docker.io/library/postgres:latest=postgres:$x-ac-1",
        "container:shop-db=shop-ac-1-db",
        "volume:v=ac-1-v",
        "project:shop=ac-1-other",
        "secret:s=ac-1_s",
        "network:m=ac-1_m",
    )
    names = read_words(" ".join(entries), "ac-1")
    assert {kind: found for kind, found in names.items() if found} == {"network": {"m": "ac-1_m"}}


def test_the_names_of_an_earlier_version_are_containers() -> None:
    assert read_words("shop-db a\n", "ac-1")["container"] == {"shop-db": DB, "a": "ac-1-a"}
