"""The owner of a copy of a skill, and what has to change in it: a table of cases, a property."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.usecases.skills.policy import (
    CHANGED,
    CURRENT,
    FOREIGN,
    MARKER,
    MISSING,
    STALE,
    SkillCopy,
    difference,
    is_skill_name,
    judge,
    renamed,
    skill_of,
    with_marker,
)

OLD = {"SKILL.md": b"old\n", "scripts/run.py": b"run\n", "gone.md": b"gone\n"}
NEW = {"SKILL.md": b"new\n", "scripts/run.py": b"run\n", "scripts/more.py": b"more\n"}


def copy(files: dict[str, bytes], **changes: bytes | None) -> SkillCopy:
    """Return a copy as it was written, with some files of it changed since."""
    known = {"SKILL": "SKILL.md", "gone": "gone.md", "more": "scripts/more.py"}
    dotted = {known.get(name, name): data for name, data in changes.items()}
    return SkillCopy(exists=True, files={**with_marker(files), **dotted})


def test_nothing_there_is_written_with_its_marker() -> None:
    verdict = judge(NEW, SkillCopy())
    assert verdict.state == MISSING
    assert verdict.write == with_marker(NEW)
    assert set(verdict.write) == {*NEW, MARKER}


def test_a_folder_without_files_is_nobodys() -> None:
    assert judge(NEW, SkillCopy(exists=True)) == judge(NEW, SkillCopy())
    assert judge(NEW, SkillCopy(exists=True, is_folder=False)).state == FOREIGN


def test_a_copy_as_it_is_shipped_is_current() -> None:
    verdict = judge(NEW, copy(NEW))
    assert (verdict.state, verdict.write, verdict.remove) == (CURRENT, {}, ())
    assert set(verdict.ours) == set(NEW)


def test_a_copy_of_another_version_is_stale() -> None:
    verdict = judge(NEW, copy(OLD))
    assert verdict.state == STALE
    assert set(verdict.write) == {"SKILL.md", "scripts/more.py", MARKER}
    assert verdict.remove == ("gone.md",)


def test_a_file_that_is_gone_is_written_again() -> None:
    whole = copy(NEW)
    files = {name: data for name, data in whole.files.items() if name != "SKILL.md"}
    verdict = judge(NEW, SkillCopy(exists=True, files=files))
    assert (verdict.state, dict(verdict.write)) == (STALE, {"SKILL.md": b"new\n"})
    assert "SKILL.md" not in verdict.ours


@pytest.mark.parametrize(
    ("found", "theirs"),
    [
        (copy(OLD, SKILL=b"mine\n"), ("SKILL.md",)),
        (copy(OLD, SKILL=None), ("SKILL.md",)),
        (copy(OLD, gone=b"mine\n"), ("gone.md",)),
        (copy({"SKILL.md": b"old\n"}, scripts=None), ("scripts",)),
        (
            SkillCopy(exists=True, files={**copy(OLD).files, "scripts/more.py": b"my\n"}),
            ("scripts/more.py",),
        ),
    ],
)
def test_what_a_person_changed_or_put_in_the_way_is_theirs(
    found: SkillCopy, theirs: tuple[str, ...]
) -> None:
    verdict = judge(NEW, found)
    assert (verdict.state, verdict.theirs) == (CHANGED, theirs)


def test_a_file_that_was_changed_to_what_is_shipped_is_no_obstacle() -> None:
    """An installation that was killed before it wrote the marker leaves this."""
    half = copy(OLD, SKILL=b"new\n")
    verdict = judge(NEW, half)
    assert verdict.state == STALE
    assert set(verdict.write) == {"scripts/more.py", MARKER}


def test_files_that_somebody_added_are_no_concern_of_ours() -> None:
    found = copy(NEW, notes=b"mine\n")
    verdict = judge(NEW, found)
    assert verdict.state == CURRENT
    assert "notes" not in verdict.ours


MARKERS = [
    b"",
    b"\xff",
    b"[]",
    b"{}",
    json.dumps({"made_by": "somebody", "files": {}}).encode(),
    json.dumps({"made_by": "composeports skills install", "files": []}).encode(),
    None,
]


@pytest.mark.parametrize("marker", MARKERS)
def test_without_a_marker_of_ours_it_is_somebody_elses(marker: bytes | None) -> None:
    verdict = judge(NEW, SkillCopy(exists=True, files={**NEW, MARKER: marker}))
    assert (verdict.state, verdict.write, verdict.remove, verdict.ours) == (FOREIGN, {}, (), ())


def test_a_link_or_a_file_in_place_of_the_folder_is_somebody_elses() -> None:
    assert judge(NEW, SkillCopy(exists=True, is_folder=False)).state == FOREIGN


def test_a_marker_that_names_files_elsewhere_makes_nothing_ours() -> None:
    whole = with_marker({**NEW, "../../precious": b"data"})
    verdict = judge(NEW, SkillCopy(exists=True, files={**NEW, MARKER: whole[MARKER]}))
    assert set(verdict.ours) == set(NEW)
    assert verdict.remove == ()


def test_the_marker_depends_on_nothing_but_the_files() -> None:
    assert with_marker(NEW) == with_marker(dict(reversed(NEW.items())))


def test_the_difference_is_a_unified_diff_to_what_is_shipped() -> None:
    assert difference(NEW, copy(OLD), ".claude/skills/x").splitlines() == [
        "--- .claude/skills/x/SKILL.md",
        "+++ shipped/SKILL.md",
        "@@ -1 +1 @@",
        "-old",
        "+new",
        "--- .claude/skills/x/gone.md",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-gone",
        "--- /dev/null",
        "+++ shipped/scripts/more.py",
        "@@ -0,0 +1 @@",
        "+more",
    ]
    assert difference(NEW, copy(NEW), "x") == ""


def test_the_difference_shows_what_a_person_changed_and_a_missing_last_newline() -> None:
    text = difference(NEW, copy(NEW, SKILL=b"mine"), "x")
    assert "-mine\n\\ No newline at end of file\n" in text
    assert "+new\n" in text


Contents = st.dictionaries(
    st.sampled_from(["SKILL.md", "a", "b/c", "b/d"]), st.binary(max_size=3), min_size=1
)


@given(Contents, Contents)
def test_a_verdict_that_is_carried_out_makes_the_copy_current(
    old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    verdict = judge(new, copy(old))
    assert verdict.state in {STALE, CURRENT}
    kept = {name: data for name, data in with_marker(old).items() if name not in verdict.remove}
    after = SkillCopy(exists=True, files={**kept, **verdict.write})
    assert after.files == with_marker(new)
    assert judge(new, after).state == CURRENT


@given(Contents, Contents)
def test_a_killed_installation_is_never_taken_for_a_persons_work(
    old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """At every moment between the files of an update, the next run continues it."""
    verdict = judge(new, copy(old))
    files = dict(with_marker(old))
    for name in sorted(set(verdict.write) - {MARKER}):
        files[name] = verdict.write[name]
        assert judge(new, SkillCopy(exists=True, files=files)).state in {STALE, CURRENT}
    for name in verdict.remove:
        del files[name]
        assert judge(new, SkillCopy(exists=True, files=files)).state in {STALE, CURRENT}


@pytest.mark.parametrize(
    ("marker", "skill"),
    [
        (with_marker(NEW, "check")[MARKER], "check"),
        (with_marker(NEW)[MARKER], ""),
        (b'{"made_by": "another program", "skill": "check"}', ""),
        (with_marker(NEW)[MARKER].replace(b'"files"', b'"skill": 3, "files"'), ""),
        (b"[]", ""),
        (b"no JSON", ""),
        (None, ""),
    ],
)
def test_a_marker_names_the_skill_of_a_copy_with_another_name(
    marker: bytes | None, skill: str
) -> None:
    assert skill_of(marker) == skill


def test_only_the_name_in_the_head_is_another() -> None:
    text = b"---\nname: check\ndescription: x\n---\n\nname: check\n"
    made = renamed({"SKILL.md": text, "more.md": b"name: check\n"}, "try")
    assert made == {"SKILL.md": text.replace(b"check", b"try", 1), "more.md": b"name: check\n"}


@pytest.mark.parametrize("name", ["a", "validate-stack", "a-1-b", "a" * 64])
def test_a_skill_may_have_this_name(name: str) -> None:
    assert is_skill_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "A", "a_b", "a/b", "ä", "a\n", "a" * 65])
def test_no_skill_may_have_this_name(name: str) -> None:
    assert not is_skill_name(name)
