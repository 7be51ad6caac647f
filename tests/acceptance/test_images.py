"""Images that the file builds: each session runs its own, by every name that the file uses."""

import pytest

from tests.harness.engine import docker
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

# The engines of the tests have no buildx of their own everywhere; the classic builder is.
CLASSIC = {"DOCKER_BUILDKIT": "0"}
BASE = f"FROM {TINY}\nCOPY who /who\n"
SITE = "ARG BASE\nFROM $BASE\n"
SLEEP = {"command": ["sleep", "3600"]}


def said(session: Session, service: str) -> str:
    return session.ok("exec", "-T", service, "cat", "/who").strip()


def remove_images(*projects: str) -> None:
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    own = [name for name in listed if any(project in name for project in projects)]
    if own:
        docker("rmi", "--force", *own)


def test_an_image_is_one_wherever_the_file_names_it(make_repository: MakeRepository) -> None:
    file = stack(
        {
            "app": {"build": {"context": "base"}, "image": "values-shop/app", **SLEEP},
            "worker": {"image": "docker.io/values-shop/app:latest", "depends_on": ["app"], **SLEEP},
            "site": {
                "build": {"context": "site", "args": {"BASE": "values-shop/app:latest"}},
                "image": "values-shop/site:dev",
                "depends_on": ["app"],
                **SLEEP,
            },
        }
    )
    files = {
        "compose.yaml": file,
        "base/Dockerfile": BASE,
        "base/who": "main",
        "site/Dockerfile": SITE,
    }
    repository = make_repository(files)
    pair = repository.worktree("one"), repository.worktree("two")
    for session in pair:
        session.environ.update(CLASSIC)
        write(session.directory, {"base/who": session.directory.name})
        session.ok("allocate")
    try:
        for session in pair:
            session.ok("build", "app")
            session.ok("up", "--strict")
        for session in pair:
            own = session.directory.name
            assert {said(session, name) for name in ("app", "worker", "site")} == {own}
    finally:
        remove_images(*(session.project for session in pair))


@pytest.mark.parametrize("policy", ["always", "missing", ""])
def test_a_built_image_is_one_s_own_whatever_its_pull_policy(
    make_repository: MakeRepository, policy: str
) -> None:
    app = {
        "image": "registry.invalid/values/app:latest",
        "build": ".",
        "command": ["sh", "-c", "mkdir /w; cp /who /w/index.html; exec httpd -f -p 80 -h /w"],
        "ports": ["8080:80"],
    }
    spec = {**app, "pull_policy": policy} if policy else app
    files = {"compose.yaml": stack({"app": spec}), "Dockerfile": BASE, "who": "main"}
    repository = make_repository(files)
    one, two = repository.worktree("one"), repository.worktree("two")
    try:
        for session in (one, two):
            session.environ.update(CLASSIC)
            write(session.directory, {"who": session.directory.name})
            done = session.must_run("up", "--strict")
            assert "Pulling" not in done.err
            assert "lookup registry.invalid" not in done.err
        one.ok("up", "--no-build", "--force-recreate", "-t", "0")
        for session in (one, two):
            assert page(session.ok("url", "app").strip()) == session.directory.name
        tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        assert "registry.invalid/values/app:latest" not in tags
    finally:
        remove_images(one.project, two.project)


def has_named_contexts() -> bool:
    return int(docker("version", "--format", "{{.Server.Version}}").split(".")[0]) >= 23


@pytest.mark.parametrize("builder", ["0", "1"], ids=["classic", "buildkit"])
@pytest.mark.parametrize(
    "text",
    [
        "FROM values-from/base",
        "FROM docker.io/values-from/base:latest AS x",
        f"FROM {TINY}\nCOPY --from=values-from/base /who /who",
        "ARG BASE=values-from/base\nFROM ${BASE}",
    ],
    ids=["short", "full", "copy", "argument"],
)
def test_an_image_named_in_a_dockerfile_is_the_session_s(
    make_repository: MakeRepository, text: str, builder: str
) -> None:
    """Plain Compose has built both images in the main checkout, under the names of the file."""
    services = {
        "base": {"build": "base", "image": "values-from/base", **SLEEP},
        "app": {"build": "app", "image": "values-from/app", "depends_on": ["base"], **SLEEP},
    }
    files = {
        "compose.yaml": stack(services),
        "base/Dockerfile": BASE,
        "base/who": "main",
        "app/Dockerfile": f"{text}\nCMD true\n",
    }
    repository = make_repository(files)
    main, one = repository.main, repository.worktree("one")
    main.environ["DOCKER_BUILDKIT"] = builder
    write(one.directory, {"base/who": "one"})
    try:
        for service in services:
            main.compose("build", service)
        one.ok("allocate")
        one.ok("build", "base")
        done = one.run("up", "--strict")
        if "ARG" in text or (builder == "1" and has_named_contexts()):
            assert done.code == 0, done.err
            assert said(one, "app") == "one"
        else:
            assert done.code == 78
            assert "app: its Dockerfile names " in done.err
        assert docker("run", "--rm", "values-from/app", "cat", "/who").strip() == "main"
    finally:
        one.run("down", "-t", "0")
        remove_images(one.project, "values-from/")


def test_names_of_what_is_renamed_follow_in_variables(make_repository: MakeRepository) -> None:
    file = stack(
        {
            "store": {"container_name": "values-store", "networks": ["net"]},
            "code": {"build": ".", "image": "values_user_code", "networks": ["net"], **SLEEP},
            "daemon": {
                "environment": {
                    "RUN_IMAGE": "values_user_code:latest",
                    "CURRENT_IMAGE": "values_user_code",
                    "RUN_NETWORK": "values_net",
                    "STORE_VOLUME": "values_data",
                    "STORE_CONTAINER": "values-store",
                    "STORE_HOST": "values-store",
                    "DB_NAME": "values_data",
                },
                "networks": ["net"],
                "volumes": ["data:/data"],
                **SLEEP,
            },
        },
        networks={"net": {"name": "values_net"}},
        volumes={"data": {"name": "values_data"}},
    )
    repository = make_repository({"compose.yaml": file, "Dockerfile": BASE, "who": "main"})
    pair = repository.worktree("one"), repository.worktree("two")
    try:
        for session in pair:
            session.environ.update(CLASSIC)
            session.ok("up", "--strict")
        for session in pair:
            tag = session.project
            (environment,) = [
                dict(line.split("=", 1) for line in each["Config"]["Env"])
                for name, each in session.containers().items()
                if name == "daemon-1"
            ]
            inspected = {
                "image": docker("image", "inspect", environment["RUN_IMAGE"], "-f", "{{.Id}}"),
                "network": docker("network", "inspect", environment["RUN_NETWORK"]),
                "volume": docker("volume", "inspect", environment["STORE_VOLUME"]),
                "container": docker("container", "inspect", environment["STORE_CONTAINER"]),
            }
            assert all(inspected.values())
            assert environment["CURRENT_IMAGE"] == environment["RUN_IMAGE"]
            assert all(tag in value for name, value in environment.items() if name[:3] == "RUN")
            assert environment["STORE_HOST"] == "values-store"
            assert environment["DB_NAME"] == "values_data"
            changed = {
                change["where"]
                for change in session.json("plan")["changes"]
                if change["service"] == "daemon"
            }
            assert changed == {
                f"environment.{name}"
                for name in (
                    *("RUN_IMAGE", "CURRENT_IMAGE", "RUN_NETWORK"),
                    *("STORE_VOLUME", "STORE_CONTAINER"),
                )
            }
            shell = session.shell('eval "$(composeports env)"; echo "$CONTAINER_STORE"')
            assert shell.out.strip() == f"{tag}-values-store"
            code = session.shell('docker inspect "$(composeports env -- printenv CONTAINER_CODE)"')
            assert code.code == 0
    finally:
        for session in pair:
            session.run("down", "-v", "-t", "0")
        remove_images(*(session.project for session in pair))


def test_no_time_is_lost_on_a_registry_for_a_session_s_tag(make_repository: MakeRepository) -> None:
    """A name that no resolver answers for may take as long as the network likes."""
    app = {"image": "10.255.255.1:5000/values/app", "build": ".", **SLEEP}
    files = {"compose.yaml": stack({"app": app}), "Dockerfile": BASE, "who": "main"}
    session = make_repository(files).worktree("one")
    session.environ.update(CLASSIC)
    try:
        for pull in ((), ("--pull", "always"), ("--pull=missing",)):
            done = session.must_run("up", "--strict", *pull)
            assert "Pulling" not in done.err
    finally:
        remove_images(session.project)


def test_other_images_are_still_pulled(make_repository: MakeRepository) -> None:
    app = {"image": "registry.invalid/values/app", "build": ".", **SLEEP}
    other = {"image": "127.0.0.1:1/values/other", **SLEEP}
    files = {"compose.yaml": stack({"app": app, "other": other}), "Dockerfile": BASE, "who": "main"}
    session = make_repository(files).worktree("one")
    session.environ.update(CLASSIC)
    done = session.run("up", "--pull", "always")
    assert done.code != 0
    assert "other Pulling" in done.err
    assert "app Pulling" not in done.err
    assert session.containers() == {}


def test_an_image_that_a_makefile_builds_is_told(make_repository: MakeRepository) -> None:
    """All worktrees' `make build` give their image one name, and the last one is run by all."""
    name = "values-shop/made:dev"
    makefile = f"build:\n\tdocker build --tag {name} .\n"
    files = {"compose.yaml": stack({"web": {"image": name, **SLEEP}}), "Makefile": makefile}
    one = make_repository(files).worktree("one")
    strict = one.run("up", "--strict")
    assert strict.code == 78
    assert f"Makefile:2 builds {name} (web)" in strict.err
    docker("tag", TINY, name)
    try:
        warned = one.run("up")
        assert (warned.code, warned.err.count(f'shared = ["image:{name}"]')) == (0, 1)
        write(one.directory, {"composeports.toml": f'shared = ["image:{name}"]\n'})
        assert one.json("up", "--strict")["warnings"] == []
    finally:
        docker("rmi", name)
