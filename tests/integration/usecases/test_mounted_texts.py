"""Which files of a worktree are read for a plan: configurations that containers get, no others."""

import json
import os
from pathlib import Path

import pytest

from composeports.core.compose_project import Mount, Project, Service
from composeports.usecases import mounted_texts as module
from composeports.usecases.mounted_texts import mounted_texts
from tests.harness.repository import make_repository
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

ADDRESS = "url: http://host.docker.internal:8080\n"


def project(*sources: Path, file: Path | None = None) -> Project:
    mounts = tuple(Mount("bind", str(source), "/x") for source in sources)
    files = {"configs.site.file": str(file)} if file else {}
    return Project((Service("web", mounts=mounts),), handed_files=files)


def found(worktree: Path, *sources: Path, file: Path | None = None) -> list[str]:
    texts = mounted_texts(project(*sources, file=file), str(worktree))
    return sorted(os.path.relpath(path, worktree) for path, _ in texts)


def test_files_and_configurations_in_folders_are_read(tmp_path: Path) -> None:
    for name in ("one.js", "conf/a.conf", "conf/b.py", "conf/sub/c.conf", "site", "other.conf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ADDRESS)
    (tmp_path / "plain").write_text("nothing in it\n")
    sources = (tmp_path / "one.js", tmp_path / "conf", tmp_path / "plain", tmp_path / "missing")
    assert found(tmp_path, *sources, file=tmp_path / "site") == ["conf/a.conf", "one.js", "site"]
    assert found(tmp_path, tmp_path) == []


def test_what_is_no_small_text_of_the_worktree_is_not_read(tmp_path: Path) -> None:
    worktree, outside = tmp_path / "worktree", tmp_path / "outside.conf"
    worktree.mkdir()
    outside.write_text(ADDRESS)
    paths = [worktree / name for name in ("link.conf", "pipe.conf", "binary.conf", "large.conf")]
    paths[0].symlink_to(outside)
    os.mkfifo(paths[1])
    paths[2].write_bytes(b"\0" + ADDRESS.encode())
    paths[3].write_text(ADDRESS * (module.MOST_BYTES // len(ADDRESS) + 1))
    assert found(worktree, outside, *paths) == []
    assert found(worktree, worktree / "..", file=outside) == []


def test_a_folder_with_many_files_is_read_in_part(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    for number in range(module.MOST_FILES + 5):
        (folder / f"{number:03}.conf").write_text(ADDRESS)
    assert len(found(tmp_path, folder)) == module.MOST_FILES


def test_strict_refuses_a_mounted_file_that_leads_to_another_stack(
    shell: Shell, docker: FakeDocker
) -> None:
    directory = make_repository(
        shell.cwd / "shop", {"compose.yaml": "services: {}\n", "nginx.conf": f"# one\n{ADDRESS}"}
    )
    port = {"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}
    mount = {"type": "bind", "source": f"{directory}/nginx.conf", "target": "/etc/nginx.conf"}
    services = {"web": {"image": "scratch", "ports": [port]}, "proxy": {"volumes": [mount]}}
    docker.publish()
    docker.answer("config", json.dumps({"name": "any", "services": services}))
    shop = shell.using(docker).at(directory)
    done = shop.run("up", "--strict")
    assert done.code == 78
    assert "nginx.conf:2 (read by proxy) has http://host.docker.internal:8080, which is" in done.err
    (directory / "composeports.toml").write_text('shared = ["file:nginx.conf"]\n')
    assert shop.run("plan", "--strict").code == 0
