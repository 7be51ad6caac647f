"""Patterns in the form of .gitignore: what they select, and what they cannot reach."""

import time

import pytest

from composeports.core.file_patterns import FilePattern, FilePatterns, escaped, lines_of


def patterns(*texts: str, folder: str = "/w") -> FilePatterns:
    return FilePatterns(FilePattern(folder, text) for text in texts)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (".env", ".env"),
        (".env", "services/api/.env"),
        ("/.env", ".env"),
        (".env*", ".env.local"),
        ("config/*.local.yml", "config/dev.local.yml"),
        ("config/", "config/a/b"),
        ("config", "config/a/b"),
        ("**/certs/*.pem", "certs/a.pem"),
        ("**/certs/*.pem", "a/b/certs/a.pem"),
        ("certs/**", "certs/a/b.pem"),
        ("a/**/z", "a/z"),
        ("a/**/z", "a/b/c/z"),
        ("?.key", "a.key"),
        ("[ab].key", "b.key"),
        ("[a-c].key", "b.key"),
        ("[!a-c].key", "d.key"),
        ("[^a].key", "b.key"),
        ("[]].key", "].key"),
        (r"[\]a].key", "].key"),
        ("[a-].key", "-.key"),
        (r"\#a", "#a"),
        (r"\!a", "!a"),
        (r"a\*", "a*"),
        ("a  ", "a"),
        (r"a\ ", "a "),
        ("a\r", "a"),
        ("*a*b*", "xxaxxbxx"),
        ("a*b*c", "abbc"),
    ],
)
def test_a_pattern_selects_what_git_would_ignore(text: str, path: str) -> None:
    assert patterns(text).select(f"/w/{path}")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/.env", "services/.env"),
        ("config/*.yml", "services/config/a.yml"),
        ("config/*.yml", "config/a/b.yml"),
        ("config/", "config"),
        ("certs/**", "certs"),
        ("*.yml", "a.yaml"),
        ("?.key", "ab.key"),
        ("a?c", "a/c"),
        ("[ab].key", "c.key"),
        ("[!a].key", "a.key"),
        ("[a.key", "[a.key"),
        ("a\\", "a\\"),
        ("# .env", "# .env"),
        ("", ""),
        ("/", "a"),
        ("a/b", "a"),
        ("a", "b"),
        ("ab", "a"),
        ("../../etc/passwd", "etc/passwd"),
        ("./.env", ".env"),
        ("/etc/passwd", "passwd"),
    ],
)
def test_a_pattern_selects_nothing_else(text: str, path: str) -> None:
    assert not patterns(text).select(f"/w/{path}")


def test_a_pattern_selects_nothing_outside_of_its_folder() -> None:
    assert not patterns("*").select("/etc/passwd")
    assert not patterns("etc/passwd", "/etc/passwd").select("/etc/passwd")
    assert patterns("*.yml", folder="/w/deploy").select("/w/deploy/a.yml")
    assert not patterns("*.yml", folder="/w/deploy").select("/w/a.yml")


def test_the_last_pattern_decides() -> None:
    chosen = patterns(".env*", "!.env.example")
    assert chosen.select("/w/.env")
    assert not chosen.select("/w/.env.example")
    assert patterns("!.env", ".env").select("/w/.env")


def test_nothing_is_taken_out_of_a_selected_folder() -> None:
    assert patterns("config/", "!config/a").select("/w/config/a")
    assert not patterns("config/*", "!config/a").select("/w/config/a")


def test_a_folder_is_selected_as_a_folder() -> None:
    assert patterns("models/").select("/w/models", is_folder=True)
    assert not patterns("models/").select("/w/models")


@pytest.mark.parametrize(
    ("text", "folder", "reaches"),
    [
        ("certs/*.pem", "certs", True),
        ("a/certs/*.pem", "a", True),
        ("a/**/x.pem", "a/b/c", True),
        ("a/*/x.pem", "a/b", True),
        ("certs/*.pem", "other", False),
        ("certs/*.pem", "certs/below", False),
        ("*.pem", "certs", False),
        ("**/certs/*.pem", "certs", False),
        ("!certs/*.pem", "certs", False),
        ("certs", "certs", False),
    ],
)
def test_only_a_path_leads_into_an_ignored_folder(text: str, folder: str, *, reaches: bool) -> None:
    """Else each pattern would make us walk through node_modules."""
    assert patterns(text).reach_into(f"/w/{folder}") is reaches
    assert not patterns(text).reach_into(f"/elsewhere/{folder}")


def test_a_file_has_a_pattern_a_line() -> None:
    lines = lines_of("# files\n\n.env\r\n!x\n", "/w")
    chosen = FilePatterns(lines)
    assert chosen.select("/w/.env")
    assert not chosen.select("/w/# files")


@pytest.mark.parametrize("name", ["a", "a b", "a ", "#a", "!a", "a*b", "[a]", "a\\b", "d/?.env"])
def test_an_escaped_path_matches_itself_alone(name: str) -> None:
    assert patterns(escaped(name)).select(f"/w/{name}")
    other_name = name.replace("*", "x").replace("?", "x").replace("[a]", "a").replace("\\", "")
    assert other_name == name or not patterns(escaped(name)).select(f"/w/{other_name}")


def test_no_pattern_takes_long() -> None:
    """A repository may contain any pattern; with a regular expression this one takes years."""
    start = time.process_time()
    assert not patterns("*a" * 100 + "b").select("/w/" + "a" * 250)
    assert not patterns("**/a/" * 50 + "b").select("/w/" + "a/" * 1000)
    assert time.process_time() - start < 10


def test_patterns_that_match_nothing_are_none() -> None:
    assert patterns(".env")
    assert not patterns("# .env", "", "../x")


def test_there_is_a_limit_to_patterns() -> None:
    assert patterns("a" * 500).select("/w/" + "a" * 500)
    assert not patterns("a" * 501).select("/w/" + "a" * 501)
    assert patterns(*["x"] * 199, "a").select("/w/a")
    assert not patterns(*["x"] * 200, "a").select("/w/a")
