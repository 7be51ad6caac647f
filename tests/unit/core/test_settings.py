"""The settings file: every key, every error, and the templates of `[env]`."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.environment import fixed_variables
from composeports.core.file_patterns import FilePattern
from composeports.core.settings import Settings
from composeports.core.settings_schema import KEYS, read_settings
from composeports.core.templates import check_template, complete_port_key, expand, expand_env
from composeports.errors import ConfigError

FILE = "/repo/composeports.toml"
FIXED = fixed_variables(10000, "ac-0123abcd", "box")
PORTS = {"web:3000/tcp": 10005, "dns:53/udp": 10006}


def read(document: Mapping[str, object]) -> Settings:
    return read_settings(document, FILE, "/repo")


def refusal(document: Mapping[str, object]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(document)
    assert caught.value.message.startswith(f"{FILE}: ")
    assert caught.value.details["file"] == FILE
    assert caught.value.hint
    return caught.value


def test_an_empty_file_settles_nothing() -> None:
    assert read({}) == Settings()


ACCEPTED = [
    ({"files": ["deploy/compose.yaml"]}, Settings(files=("/repo/deploy/compose.yaml",))),
    ({"files": ["../a.yaml", "/b.yaml"]}, Settings(files=("/a.yaml", "/b.yaml"))),
    ({"files": []}, Settings()),
    (
        {"copy": [".env", "/a"]},
        Settings(copy=(FilePattern("/repo", ".env"), FilePattern("/repo", "/a"))),
    ),
    ({"link": ["models", "./a/b/"]}, Settings(link=("/repo/models", "/repo/a/b"))),
    ({"profiles": ["dev", "*"]}, Settings(profiles=("dev", "*"))),
    ({"prefix": "my-team_1"}, Settings(prefix="my-team_1")),
    ({"prefix": "a" * 20}, Settings(prefix="a" * 20)),
    ({"naming": "worktree"}, Settings(naming="worktree")),
    ({"naming": "hash"}, Settings()),
    ({"pin": {"web:3000": 3000}}, Settings(pins={"web:3000/tcp": 3000})),
    (
        {"pin": {"dns:53/udp": 53, "dns:53": 53}},
        Settings(pins={"dns:53/udp": 53, "dns:53/tcp": 53}),
    ),
    ({"pin": {"a.b_c-d:1/sctp": 65535}}, Settings(pins={"a.b_c-d:1/sctp": 65535})),
    ({"pin": {"web:0080": 1}}, Settings(pins={"web:80/tcp": 1})),
    ({"main": "defaults"}, Settings(main_keeps_ports=True)),
    ({"main": "block"}, Settings()),
    ({"strict": True}, Settings(strict=True)),
    ({"wait": True}, Settings(wait=True)),
    ({"seed": "feature/login"}, Settings(seed="feature/login")),
    ({"after": {"first-up": "make a", "up": "b"}}, Settings(after_first_up="make a", after_up="b")),
    ({"after": {"up": "a\n\tb"}}, Settings(after_up="a\n\tb")),
    ({"env": {"URL": "{host}:{db}"}}, Settings(env={"URL": "{host}:{db}"})),
    ({"env": {"EMPTY": ""}}, Settings(env={"EMPTY": ""})),
    ({"urls": {"keep": ["NEXTAUTH_URL"]}}, Settings(keep_urls=("NEXTAUTH_URL",))),
    ({"urls": {}}, Settings()),
    ({"urls": {"command": True}}, Settings(command_urls=True)),
    ({"isolate": {"images": False}}, Settings(isolate_images=False)),
    ({"isolate": {"volumes": False}}, Settings(isolate_volumes=False)),
    ({"isolate": {"networks": False}}, Settings(isolate_networks=False)),
    ({"isolate": {"external_networks": True}}, Settings(external_networks=True)),
    ({"isolate": {"external_networks": False}}, Settings(external_networks=False)),
    ({"isolate": {"external_networks": ["edge"]}}, Settings(external_networks=("edge",))),
    (
        {"shared": ["network:edge", "volume:a:b", "/srv/../x", "./data", "../y"]},
        Settings(shared=("network:edge", "volume:a:b", "/x", "/repo/data", "/y")),
    ),
    ({"subnets": {"pool": "172.16.0.0/12"}}, Settings(subnet_pool="172.16.0.0/12")),
    ({"subnets": {"pool": "10.0.0.0/8"}}, Settings(subnet_pool="10.0.0.0/8")),
    ({"subnets": {"pool": "192.168.7.0/24"}}, Settings(subnet_pool="192.168.7.0/24")),
]


@pytest.mark.parametrize(("document", "settings"), ACCEPTED, ids=str)
def test_a_value_is_read(document: Mapping[str, object], settings: Settings) -> None:
    assert read(document) == settings


def test_every_setting_has_a_case_above_and_a_key() -> None:
    changed = {
        field
        for field in Settings._fields
        for _, settings in ACCEPTED
        if getattr(settings, field) != getattr(Settings(), field)
    }
    assert changed == set(Settings._fields)


POOL = "a private IPv4 network, /8 to /24"
REFUSED: list[tuple[Mapping[str, object], str, str]] = [
    ({"copy": ".env"}, "copy", 'a list of texts, got ".env"'),
    ({"link": [".."]}, "link", "a list of folders below this file's folder"),
    ({"link": ["."]}, "link", "a list of folders below this file's folder"),
    ({"link": ["/repo/models"]}, "link", "relative to it"),
    ({"files": "compose.yaml"}, "files", 'a list of texts, got "compose.yaml"'),
    ({"files": [""]}, "files", "a list of texts"),
    ({"files": ["a\0b"]}, "files", "a list of texts"),
    ({"files": ["a.yaml", 1]}, "files", 'a list of texts, got ["a.yaml", 1]'),
    ({"profiles": ["a,b"]}, "profiles", "a list of profiles without commas"),
    ({"profiles": True}, "profiles", "a list of texts, got true"),
    ({"prefix": ""}, "prefix", "1 to 20 of a-z"),
    ({"prefix": "a" * 21}, "prefix", "1 to 20 of a-z"),
    ({"prefix": "Team"}, "prefix", 'got "Team"'),
    ({"prefix": "-a"}, "prefix", "the first one a letter or digit"),
    ({"prefix": "a\n"}, "prefix", "1 to 20 of a-z"),
    ({"prefix": 3}, "prefix", "got 3"),
    ({"naming": "folder"}, "naming", '"hash" or "worktree", got "folder"'),
    ({"naming": ["hash"]}, "naming", '"hash" or "worktree", got ["hash"]'),
    ({"pin": 3000}, "pin", "a table, got 3000"),
    ({"pin": {"web": 3000}}, "pin", "the key 'web', which is no SERVICE:PORT"),
    ({"pin": {"web:0": 3000}}, "pin", "no SERVICE:PORT"),
    ({"pin": {"web:65536": 3000}}, "pin", "no SERVICE:PORT"),
    ({"pin": {"web:80/icmp": 3000}}, "pin", "no SERVICE:PORT"),
    ({"pin": {":80": 3000}}, "pin", "no SERVICE:PORT"),
    ({"pin": {"web:80": 0}}, 'pin."web:80"', "a host port, 1 to 65535, got 0"),
    ({"pin": {"web:80": 65536}}, 'pin."web:80"', "got 65536"),
    ({"pin": {"web:80": "80"}}, 'pin."web:80"', 'got "80"'),
    ({"pin": {"web:80": True}}, 'pin."web:80"', "got true"),
    ({"pin": {"web:80": 1.5}}, 'pin."web:80"', "got 1.5"),
    ({"pin": {"web:80": 1, "web:80/tcp": 2}}, "pin", "web:80/tcp twice"),
    ({"pin": {"a:80": 9, "b:80": 9}}, "pin", "host port 9 to a:80/tcp and to b:80/tcp"),
    ({"main": "file"}, "main", '"defaults" or "block", got "file"'),
    ({"main": []}, "main", '"defaults" or "block", got []'),
    ({"strict": "yes"}, "strict", 'true or false, got "yes"'),
    ({"wait": "yes"}, "wait", 'true or false, got "yes"'),
    ({"seed": "compose:other"}, "seed", 'a session of this repository: "main"'),
    ({"seed": "a\nb"}, "seed", "a session of this repository"),
    ({"seed": True}, "seed", "a session of this repository"),
    ({"after": {"up": " \n"}}, "after.up", "a command for the shell"),
    ({"after": {"up": 1}}, "after.up", "a command for the shell, got 1"),
    ({"after": {"first-up": "a\x1b[2K"}}, "after.first-up", "without control characters"),
    ({"strict": 1}, "strict", "true or false, got 1"),
    ({"env": []}, "env", "a table"),
    ({"env": {"A": 1}}, "env.A", "a text, got 1"),
    ({"env": {"A": "\0"}}, "env.A", "a text"),
    ({"env": {"1A": ""}}, "env", "'1A', which no shell takes"),
    ({"env": {"A-B": ""}}, "env", "'A-B', which no shell takes"),
    ({"env": {"": ""}}, "env", "'', which no shell takes"),
    ({"env": {"API_PORT": "1"}}, "env", "cannot set API_PORT"),
    ({"env": {"COMPOSE_PROJECT_NAME": "a"}}, "env", "cannot set COMPOSE_PROJECT_NAME"),
    ({"env": {"COMPOSE_FILE": "a"}}, "env", "cannot set COMPOSE_FILE"),
    ({"env": {"A": "{hots}"}}, "env.A", "{hots} is unknown"),
    ({"env": {"A": "{web:http}"}}, "env.A", "{web:http} is not a published port"),
    ({"env": {"A": "{"}}, "env.A", "without its other half"),
    ({"urls": True}, "urls", "a table, got true"),
    ({"urls": {"keep": "A"}}, "urls.keep", "a list of texts"),
    ({"isolate": {"images": "no"}}, "isolate.images", "true or false"),
    ({"isolate": False}, "isolate", "a table, got false"),
    (
        {"isolate": {"external_networks": "edge"}},
        "isolate.external_networks",
        "true, false or a list",
    ),
    ({"isolate": {"external_networks": [1]}}, "isolate.external_networks", "a list of texts"),
    ({"shared": "network:edge"}, "shared", "a list of texts"),
    ({"shared": ["edge"]}, "shared", "as in network:edge"),
    ({"shared": ["network:"]}, "shared", "as in network:edge"),
    ({"shared": ["folder:/x"]}, "shared", "as in network:edge"),
    ({"subnets": {"pool": "10.213.0.0"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": "10.213.0.1/16"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": "10.0.0.0/25"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": "8.8.0.0/16"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": "172.0.0.0/8"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": "fd00::/16"}}, "subnets.pool", POOL),
    ({"subnets": {"pool": 10}}, "subnets.pool", f"{POOL}, as in 10.213.0.0/16, got 10"),
]


@pytest.mark.parametrize(("document", "key", "words"), REFUSED, ids=str)
def test_a_bad_value_is_told_with_its_key_and_what_is_accepted(
    document: Mapping[str, object], key: str, words: str
) -> None:
    error = refusal(document)
    assert words in error.message
    assert key in error.message
    assert error.details["setting"] == key


def test_a_long_value_is_shortened() -> None:
    assert len(refusal({"files": "x" * 1000}).message) < 200


@pytest.mark.parametrize(
    ("document", "unknown", "meant"),
    [
        ({"file": []}, "'file'", "did you mean files?"),
        ({"pins": {}}, "'pins'", "did you mean pin?"),
        ({"isolate": {"image": True}}, "'isolate.image'", "did you mean isolate.images?"),
        ({"urls": {"keeps": []}}, "'urls.keeps'", "did you mean urls.keep?"),
        ({"keep": []}, "'keep'", "did you mean urls.keep?"),
        ({"env": {}, "pool": ""}, "'pool'", "did you mean subnets.pool?"),
        ({"urls.keep": []}, "'urls.keep'", "did you mean urls?"),
        ({"isolate": {"prefix": ""}}, "'isolate.prefix'", "did you mean prefix?"),
        ({"zzzzzz": 1}, "'zzzzzz'", f"known: {', '.join(KEYS)}"),
        ({"isolate": {"": 1}}, "'isolate.'", "did you mean isolate.images?"),
    ],
    ids=str,
)
def test_an_unknown_key_is_told_with_the_closest_one(
    document: Mapping[str, object], unknown: str, meant: str
) -> None:
    error = refusal(document)
    assert f"there is no setting {unknown}" in error.message
    assert error.hint == meant


WORDS = ("web:3000", "{host}", "{web:80}", "10.0.0.0/8", "defaults", "{", "}}", "A", "keep", "pool")
TEXTS = st.sampled_from(WORDS) | st.text(max_size=5)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | TEXTS
VALUES = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(TEXTS, PLAIN, max_size=2)
SOME = st.sampled_from(sorted(KEYS)) | TEXTS


@given(st.dictionaries(SOME, VALUES, max_size=3))
def test_any_document_is_read_or_refused(document: dict[str, object]) -> None:
    with suppress(ConfigError):
        assert isinstance(read(document), Settings)


@given(st.sampled_from(sorted(KEYS)), VALUES)
def test_any_value_of_a_known_key_is_read_or_refused(key: str, value: object) -> None:
    with suppress(ConfigError):
        assert isinstance(read({key: value}), Settings)


# Templates


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("web:3000", "web:3000/tcp"),
        ("web:3000/tcp", "web:3000/tcp"),
        ("dns:53/udp", "dns:53/udp"),
        ("web:3000/TCP", None),
        ("web:", None),
        ("web:999999", None),
        ("web:\u0663", None),
        ("web:80\n", None),
        ("a b:80", None),
    ],
)
def test_a_port_key_has_one_form(text: str, key: str | None) -> None:
    assert complete_port_key(text) == key


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("postgresql://u:p@{host}:{db}/x", "postgresql://u:p@box:10000/x"),
        ("{rest} {realtime} {api}", "10001 10002 10003"),
        ("{project}", "ac-0123abcd"),
        ("http://{host}:{web:3000}/{dns:53/udp}", "http://box:10005/10006"),
        ("{web:3000/tcp}", "10005"),
        ('{{"port": {db}}}', '{"port": 10000}'),
        ("{{{db}}}", "{10000}"),
        ("{{db}}", "{db}"),
        ("$HOME %s \\", "$HOME %s \\"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    settings = read({"env": {"VALUE": template}})
    ports = PORTS | {"a:1/tcp": 10000, "b:1/tcp": 10001, "c:1/tcp": 10002, "d:1/tcp": 10003}
    assert expand_env(settings, FIXED, ports, "box") == (("VALUE", text),)


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ({"db:5432/tcp": 10009}, "10009"),
        ({"db:8080/tcp": 10008, "db:5432/tcp": 10009}, "10009"),
        ({"db:1/tcp": 10008, "db:2/tcp": 10009}, "10008"),
        ({"postgres:5432/tcp": 10000}, "10000"),
        ({}, "10000"),
    ],
)
def test_db_is_the_service_s_own_port(ports: Mapping[str, int], text: str) -> None:
    settings = read({"env": {"VALUE": "{db}"}})
    assert expand_env(settings, FIXED, ports, "box") == (("VALUE", text),)


@pytest.mark.parametrize(
    ("template", "meant"), [("{db}", "{postgres:5432}"), ("{api}", "{web:3000}")]
)
def test_a_template_to_a_port_that_nobody_publishes_names_the_right_one(
    template: str, meant: str
) -> None:
    settings = read({"env": {"VALUE": template}})
    ports = {"web:3000/tcp": 10005, "postgres:5432/tcp": 10006}
    with pytest.raises(ConfigError) as caught:
        expand_env(settings, FIXED, ports, "box")
    assert template in caught.value.message
    assert f"did you mean {meant}?" in caught.value.hint


def test_variables_keep_the_order_of_the_file() -> None:
    settings = read({"env": {"B": "{db}", "A": "{api}"}})
    assert expand_env(settings, FIXED, {}, "box") == (("B", "10000"), ("A", "10003"))


def test_a_port_that_is_not_published_is_told_with_those_that_are() -> None:
    settings = read({"env": {"URL": "{host}:{web:80}"}})
    with pytest.raises(ConfigError) as caught:
        expand_env(settings, FIXED, PORTS, "box")
    assert caught.value.message == "env.URL: the stack publishes no port web:80/tcp"
    assert caught.value.hint == "published: web:3000/tcp, dns:53/udp"
    with pytest.raises(ConfigError) as caught:
        expand_env(settings, FIXED, {}, "box")
    assert caught.value.hint == "published: none"


@pytest.mark.parametrize(
    ("template", "meant"), [("{hosts}", "{host}"), ("{DB}", "{db}"), ("{projekt}", "{project}")]
)
def test_an_unknown_name_is_told_with_the_closest_one(template: str, meant: str) -> None:
    for refuse in (
        lambda: check_template(template, "env.A"),
        lambda: expand(template, {"host": "", "db": "", "project": ""}),
    ):
        with pytest.raises(ConfigError) as caught:
            refuse()
        assert f"{template} is unknown" in caught.value.message
        assert caught.value.hint.startswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    "template", ["{", "}", "a{b{c}", "{db}}", "{{db}", "{0.real}", "{}", "{ db }"]
)
def test_what_is_no_placeholder_is_refused(template: str) -> None:
    with pytest.raises(ConfigError):
        check_template(template, "env.A")


@given(st.text())
def test_text_with_its_braces_doubled_stays_as_it_is(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    check_template(doubled, "env.A")
    assert expand(doubled, {}) == text


@given(st.from_regex(r"([{}]|\{(host|db|web:80)\}|x){0,8}", fullmatch=True))
def test_a_template_is_filled_in_exactly_when_it_was_accepted(template: str) -> None:
    values = {"host": "h", "db": "1", "web:80/tcp": "2"}
    outcomes = []
    for use in (lambda: check_template(template, "env.A"), lambda: expand(template, values)):
        try:
            use()
        except ConfigError:
            outcomes.append("refused")
        else:
            outcomes.append("accepted")
    assert outcomes[0] == outcomes[1]
