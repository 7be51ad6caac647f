"""Lines of scripts whose docker call cannot be wrapped are found, and no others."""

import pytest

from composeports.core.docker_arguments import named_objects
from composeports.core.script_findings import bypasses, docker_calls, image_builds


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("PATH=/usr/bin:/bin", "sets PATH again"),
        ("export PATH='/usr/bin'", "sets PATH again"),
        ("PATH := /usr/bin", "sets PATH again"),
        ("true; PATH=/bin docker ps", "sets PATH again"),
        ("/usr/bin/docker ps", "calls docker by its path"),
        ("\t@/usr/local/bin/docker-compose up", "calls docker by its path"),
        ("ids=$(/usr/bin/docker ps -q)", "calls docker by its path"),
        ("sudo docker ps", "calls docker by sudo"),
        ("\t@sudo -E docker compose up", "calls docker by sudo"),
        ("env  -i docker ps", "calls docker by env -i"),
    ],
)
def test_a_line_that_cannot_be_wrapped_is_found(line: str, why: str) -> None:
    assert bypasses(f"#!/bin/sh\n{line}\n") == [(2, why)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('DB=shop-db\ndocker exec "$DB" psql', ("exec", "shop-db", "psql")),
        ("export DB='shop-db' # the database\ndocker exec ${DB} psql", ("exec", "shop-db", "psql")),
        ("DB := shop-db\nx:\n\t@docker exec $(DB) psql", ("exec", "shop-db", "psql")),
        ("DOCKER ?= docker\nx:\n\t$(DOCKER) exec shop-db psql", ("exec", "shop-db", "psql")),
        ("docker exec ${DB:-shop-db} psql", ("exec", "shop-db", "psql")),
        ('DB="${DB:-shop-db}"\ndocker exec $DB psql', ("exec", "shop-db", "psql")),
        ("DB=a b\ndocker exec $DB psql", ("exec", "$DB", "psql")),
        ("docker exec $DB psql", ("exec", "$DB", "psql")),
        ('subprocess.run(["docker", "exec", "shop-db", "psql"])', ("exec", "shop-db", "psql")),
        ('spawn("docker", ["exec", "shop-db"], {stdio: 1})', ("exec", "shop-db")),
        ('os.system("docker exec shop-db psql")', ("exec", "shop-db", "psql")),
        ('["docker"]', None),
        ('["docker", name]', None),
    ],
)
def test_the_words_of_a_call(text: str, words: tuple[str, ...] | None) -> None:
    assert [found for _, found in docker_calls(text)] == ([words] if words else [])


@pytest.mark.parametrize(
    "line",
    [
        'PATH="$HOME/bin:$PATH"',
        "export PATH=/opt/bin:${PATH}",
        "PATH := $(CURDIR)/bin:$(PATH)",
        "PATH=",
        "# PATH=/usr/bin",
        "MANPATH=/usr/share/man",
        "docker compose up",
        "ls /var/lib/docker /etc/docker/daemon.json",
        "sudo systemctl restart docker",
        "sudo -u me ls",
    ],
)
def test_others_are_not(line: str) -> None:
    assert bypasses(f"{line}\n") == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("docker exec -i shop-db psql", [(2, "exec", "shop-db")]),
        ("\t-docker exec shop-db true", [(2, "exec", "shop-db")]),
        ("id=$(docker inspect -f '{{.Id}}' \"shop-db\")", [(2, "inspect", "shop-db")]),
        ("docker --log-level error logs shop-db | tail", [(2, "logs", "shop-db")]),
        ("docker cp a.sql shop-db:/a.sql; docker restart shop-db", None),
        ('"seed": "docker exec shop-db seed",', [(2, "exec", "shop-db")]),
        ("docker exec -i \\\n  shop-db psql", [(2, "exec", "shop-db")]),
        ("docker container stop shop-db", [(2, "container", "shop-db")]),
        ("docker rm -f $(docker ps -qf name=^shop-db$)", [(2, "ps", "shop-db")]),
        ("docker rm `docker ps -qf name=shop-db`", [(2, "ps", "shop-db")]),
        ("# docker exec shop-db psql", []),
        ("docker exec other shop-db", []),
        ("docker exec $DB psql", []),
        ("docker ps", []),
        ("docker", []),
        ("mydocker exec shop-db", []),
        ("echo shop-db", []),
    ],
)
def test_a_call_that_names_a_container_is_found(
    line: str, found: list[tuple[int, str, str]] | None
) -> None:
    if found is None:
        found = [(2, "cp", "shop-db"), (2, "restart", "shop-db")]
    names = {"container": {"shop-db": "own"}}
    calls = docker_calls(f"#!/bin/sh\n{line}\n")
    assert [
        (number, words[0], name)
        for number, words in calls
        for _, name in named_objects(words, names)
    ] == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("docker build -t shop/web:dev .", ["shop/web:dev"]),
        ("\tdocker build . --tag=shop/web:dev", ["shop/web:dev"]),
        ("@docker buildx build --load --tag docker.io/shop/web:dev .", ["docker.io/shop/web:dev"]),
        ("docker image build -q -t other -t shop/web:dev .", ["shop/web:dev"]),
        ("docker builder build -t shop/web:dev .", ["shop/web:dev"]),
        ('"build": "docker build -t shop/web:dev .",', ["shop/web:dev"]),
        ('"build": "docker build . -t shop/web:dev",', ["shop/web:dev"]),
        ("docker tag shop/web:1 shop/web:dev && docker push x", ["shop/web:dev"]),
        ("docker image tag shop/web:1 shop/web:dev", ["shop/web:dev"]),
        ("docker --context default build -t shop/web:dev .", ["shop/web:dev"]),
        ("docker build \\\n  -t shop/web:dev .", ["shop/web:dev"]),
        ("docker tag shop/web:dev shop/web:1", []),
        ("docker push shop/web:dev", []),
        ("docker build -t shop/web .", []),
        ("docker build -t $TAG .", []),
        ("docker build -t", []),
        ("docker image", []),
        ("docker ; docker -D", []),
        ("docker", []),
        ("# docker build -t shop/web:dev .", []),
    ],
)
def test_a_build_of_an_image_is_found(line: str, found: list[str]) -> None:
    builds = image_builds(f"#!/bin/sh\n{line}\n", {"docker.io/shop/web:dev"})
    assert [(build.line, build.image) for build in builds] == [(2, image) for image in found]
