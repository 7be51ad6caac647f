"""Which ignored files of the main checkout a worktree gets, which not, and how that is said."""

import pytest

from composeports.core.file_patterns import FilePattern, FilePatterns
from composeports.usecases.main_files import policy
from composeports.usecases.main_files.policy import MOST_BYTES, MOST_FILES, Findings, IgnoredEntry

GIB = 1 << 30


def patterns(*texts: str) -> list[FilePatterns]:
    return [FilePatterns([FilePattern("/w", text)]) for text in texts]


def test_files_of_git_and_of_composeports_are_never_selected() -> None:
    everything = patterns("*", ".git/config", "../../etc/passwd", "/etc/passwd")
    assert policy.is_selected(".env", "/w", everything)
    for path in (".git/config", "a/.git", ".composeports/.env", "a/.composeports.new"):
        assert not policy.is_selected(path, "/w", everything)
    assert not policy.is_selected(".env", "/w", patterns("../.env", "/x/.env"))


def test_only_folders_that_a_pattern_names_are_listed() -> None:
    entries = [".env", "certs/", "models/", "node_modules/"]
    chosen = patterns("certs/*.pem", "models", ".env")
    assert policy.folders_to_list(entries, "/w", chosen) == ["certs/", "models/"]


def test_a_selected_folder_is_one_entry() -> None:
    files = [".env", "models/a", "models/b", "certs/a.pem", "certs/a.txt", ".env"]
    chosen = patterns("certs/*.pem", "models", ".env")
    assert policy.grouped(files, ["certs/", "models/"], "/w", chosen) == {
        ".env": [".env"],
        "models/": ["models/a", "models/b"],
        "certs/a.pem": ["certs/a.pem"],
    }


def test_a_large_folder_does_not_keep_small_files_away() -> None:
    env_file, exact = IgnoredEntry(".env", (".env",), 9), IgnoredEntry("a", ("a",), MOST_BYTES - 9)
    large = IgnoredEntry("node_modules/", ("node_modules/a",), GIB)
    assert policy.within_limit([large, exact, env_file]) == ((env_file, exact), (large,))
    many = IgnoredEntry("many/", tuple(map(str, range(MOST_FILES))), 10)
    assert policy.within_limit([many, env_file]) == ((env_file,), (many,))


@pytest.mark.parametrize(
    ("path", "facts", "why"),
    [
        ("models", {}, ""),
        (".git/x", {}, "belongs to git"),
        ("models", {"is_folder": False}, "is no folder"),
        ("models", {"is_tracked": True}, "has files that git tracks"),
        ("models", {"is_ignored": False}, "is not ignored"),
        (".trees/one/a", {}, "belongs to another worktree"),
    ],
)
def test_a_link_is_refused_with_its_reason(path: str, facts: dict[str, bool], why: str) -> None:
    all_facts = {"is_folder": True, "is_ignored": True, "is_tracked": False, **facts}
    told = policy.refused_link(path, checkouts=("/m", "/m/.trees/one"), main="/m", **all_facts)
    assert told.startswith(why)
    assert bool(told) == bool(why)


def test_what_is_done_is_one_line() -> None:
    assert list(policy.done("copied from", [])) == []
    assert list(policy.done("copied from", [".env", "a"])) == [
        "copied from the main checkout: .env, a"
    ]
    (line,) = policy.done("copied from", [str(number) for number in range(9)])
    assert line.endswith("5 and 3 more")


def test_what_is_not_done_is_said_with_a_way_out() -> None:
    large = IgnoredEntry("models/", ("models/a",), 3 * GIB)
    findings = Findings(too_large=(large,), refused=("a is a link",))
    refused, too_large = policy.told(findings, main="/m", worktree="/w")
    assert refused == "warning: not taken from the main checkout: a is a link"
    assert "models/ (1 file, 3 GiB): together more than 1 GiB or 100,000 files" in too_large
    assert 'link = ["models"]' in too_large
    assert "`cp -Rp /m/models /w/models`" in too_large
    file = Findings(too_large=(IgnoredEntry("disk", ("disk", "x"), 2000 << 40),))
    (line,) = policy.told(file, main="/m", worktree="/w")
    assert "disk (2 files, 2e+03 TiB)" in line
    assert "link = " not in line
    assert list(policy.told(Findings(), main="/m", worktree="/w")) == []


def test_names_are_those_of_the_entries() -> None:
    assert Findings((IgnoredEntry("a/", ("a/b",)),)).names == ("a/",)


def test_a_new_file_that_git_shows_is_a_warning() -> None:
    assert list(policy.visible([])) == []
    (line,) = policy.visible([".env"])
    assert "keep it out of commits" in line


def test_settings_of_other_folders_do_not_count() -> None:
    assert policy.base_names(["/w/models", "/x/models"], "/w") == {"models": "/w/models"}
