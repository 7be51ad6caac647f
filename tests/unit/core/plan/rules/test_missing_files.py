"""What does not exist is named before the engine makes a folder of it, with the line that helps."""

from composeports.core.plan.host_facts import HostFacts, MissingPath
from composeports.core.settings import Settings
from tests.support.planning import Planned, plan_of

HERE, MAIN = "/repo/config/dev.yml", "/main/config/dev.yml"


def planned(*missing: MissingPath, source: str = HERE, bind: object = None) -> Planned:
    mount = {"type": "bind", "source": source, "target": "/c", "bind": bind}
    return plan_of(
        {"services": {"web": {"volumes": [mount]}}, "configs": {"a": {"file": "/repo/a.conf"}}},
        host_facts=HostFacts(missing=missing),
    )


def test_a_mounted_file_of_the_main_checkout_is_named_with_both_ways() -> None:
    (missing,) = planned(MissingPath(HERE, MAIN, "config/dev.yml")).plan.missing
    assert missing.as_dict() == {
        "kind": "mount",
        "path": HERE,
        "services": ["web"],
        "main": MAIN,
        "why": missing.why,
    }
    assert f"{HERE} (web) does not exist, and the main checkout has it" in missing.why
    assert 'copy = ["config/dev.yml"] in composeports.toml' in missing.why
    assert f"`[ ! -d {HERE} ] || rmdir {HERE} && cp -p {MAIN} {HERE}`" in missing.why
    assert "the engine makes an empty folder there" in missing.why


def test_a_source_that_the_engine_refuses_is_named_only_if_main_has_it() -> None:
    assert not planned(MissingPath(HERE), bind={}).plan.missing
    (missing,) = planned(MissingPath(HERE, MAIN), bind={}).plan.missing
    assert "the engine makes" not in missing.why
    assert "copy = " not in missing.why
    assert f"`cp -p {MAIN} {HERE}`" in missing.why


def test_a_source_that_is_nowhere_is_named_with_a_way_out() -> None:
    for bind in (None, {"create_host_path": True}, {"propagation": "rprivate"}):
        (missing,) = planned(MissingPath(HERE), bind=bind).plan.missing
        assert "`create_host_path: false`" in missing.why
        assert missing.main == ""


def test_paths_of_the_machine_itself_are_not_named() -> None:
    for path in ("/var/run/docker.sock", "/dev/dri"):
        assert not planned(MissingPath(path), source=path).plan.missing


def test_a_folder_that_the_engine_made_in_place_of_a_file_is_named() -> None:
    (missing,) = planned(MissingPath(HERE, MAIN, "x", is_replaced=True)).plan.missing
    assert "is an empty folder, and a file in the main checkout" in missing.why
    assert "--force-recreate" in missing.why


def test_other_files_are_named_if_the_main_checkout_has_them() -> None:
    found = planned(
        MissingPath("/repo/a.conf", "/main/a.conf"),
        MissingPath("/repo/d/a b.env", "/main/a b.env", has_parent=False),
        MissingPath("/repo/d", "/main/d", is_folder=True),
        MissingPath("/repo/nowhere"),
        source="/repo",
    ).plan
    assert [file.kind for file in found.missing] == ["file", "env_file", "env_file"]
    assert "`mkdir -p /repo/d && cp -p '/main/a b.env' '/repo/d/a b.env'`" in found.missing[1].why
    assert "`cp -Rp /main/d /repo/d`" in found.missing[2].why
    document = found.as_dict()
    assert document["missing"] == [file.as_dict() for file in found.missing]
    assert found.warnings == ()


def test_variables_of_the_main_checkout_s_env_file_are_a_warning() -> None:
    env_file = MissingPath("/repo/.env", "/main/.env", ".env")
    facts = HostFacts(missing_env=env_file, unset_variables=("TOKEN", "API_PORT"))
    found = plan_of({"services": {"web": {}}}, host_facts=facts)
    (warning,) = found.warnings
    assert warning.startswith("TOKEN has no value here, but one in /main/.env: with copy = ")
    assert not found.plan.missing
    two = facts._replace(unset_variables=("B", "A"), missing_env=env_file._replace(path=""))
    (warning,) = plan_of({"services": {"web": {}}}, host_facts=two).warnings
    assert warning.startswith("A, B have no value here")
    assert "add what is needed" in warning


def test_an_env_file_without_such_variables_is_only_named() -> None:
    facts = HostFacts(missing_env=MissingPath("/repo/.env", "/main/.env"))
    found = plan_of({"services": {"web": {}}}, host_facts=facts)
    assert [file.kind for file in found.plan.missing] == ["env_file"]
    assert not found.warnings
    facts = HostFacts(missing_env=MissingPath("", "/main/.env"), incoming=("a",))
    found = plan_of({"services": {"web": {}}}, host_facts=facts)
    assert not found.plan.missing
    assert found.plan.copies == ("a",)
    assert not plan_of({"services": {"web": {}}}, host_facts=HostFacts()).plan.missing


def test_a_linked_folder_is_shared_on_purpose_only_while_nobody_writes() -> None:
    def linked(*, read_only: bool) -> Planned:
        mount = {"type": "bind", "source": "/repo/models/a", "target": "/m"}
        return plan_of(
            {"services": {"web": {"volumes": [{**mount, "read_only": read_only}]}}},
            settings=Settings(link=("/repo/models",)),
            host_facts=HostFacts(
                paths={"/repo/models/a": "/main/models/a"},
                checkout=HostFacts().checkout._replace(others=("/main",)),
            ),
        )

    (shared,) = linked(read_only=True).plan.shared
    assert shared.acknowledged
    assert shared.why.startswith("`link` in the settings names it")
    assert not linked(read_only=True).warnings
    (warning,) = linked(read_only=False).warnings
    assert "is written by all sessions" in warning
