"""The file system of a path, from mount tables as kernels write them."""

import os
from pathlib import Path

import pytest

from composeports.core.ports import KernelPorts, PortBlock
from composeports.host.filesystems import file_system_of, find_type, is_network
from composeports.host.kernel_ports import kernel_ports

pytestmark = pytest.mark.integration

TABLE = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:40 / /home rw,relatime shared:9 - nfs4 filer:/home rw,vers=4.2
31 30 0:41 /sub /home/you/shop rw,relatime - btrfs /dev/vdb rw
32 22 0:42 / /mnt/two\\040words\\134x rw - fuse.sshfs far:/ rw
33 22 0:43 / /mnt rw master:3 propagate_from:2 - cifs //server/share rw
not a line
"""
CASES = {
    "the root": ("254:1", "/etc", "ext4"),
    "by its device, wherever it is bound to": ("0:40", "/elsewhere", "nfs4"),
    "by the nearest mount": ("0:99", "/home/you/shop/deep", "btrfs"),
    "a folder beside it": ("0:99", "/home/you/shopping", "nfs4"),
    "the mount point itself": ("0:99", "/home", "nfs4"),
    "with spaces and backslashes": ("0:99", "/mnt/two words\\x/deep", "fuse.sshfs"),
    "with fields that are not always there": ("0:99", "/mnt/deep", "cifs"),
}


@pytest.mark.parametrize(("device", "path", "kind"), CASES.values(), ids=CASES)
def test_the_type_is_found(device: str, path: str, kind: str) -> None:
    assert find_type(TABLE, device, path) == kind


def test_a_mount_over_another_hides_it() -> None:
    over = TABLE + "40 30 0:50 / /home rw - tmpfs tmpfs rw\n"
    assert find_type(over, "0:99", "/home/you") == "tmpfs"


@pytest.mark.parametrize(
    "kind",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "fuse.sshfs",
        "fuse.glusterfs",
    ],
)
def test_what_machines_share_is_a_network(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse", "fuseblk", "fuse.ntfs", "zfs", ""]
)
def test_what_is_local_or_unknown_is_none(kind: str) -> None:
    assert not is_network(kind)


def test_this_machine_s_table_has_the_kernel_s_own_folder(tmp_path: Path) -> None:
    assert file_system_of("/proc") == "proc"
    assert file_system_of(str(tmp_path)) not in {"", "proc"}


def test_a_system_without_a_table_and_a_path_that_is_not_there_are_unknown(tmp_path: Path) -> None:
    assert file_system_of("/", str(tmp_path / "none")) == ""
    assert file_system_of(str(tmp_path / "none")) == ""


def test_a_made_up_table_is_read(tmp_path: Path) -> None:
    device = os.stat(tmp_path).st_dev
    table = tmp_path / "table"
    table.write_text(f"1 1 {os.major(device)}:{os.minor(device)} / /x rw - nfs4 f:/ rw\n")
    assert file_system_of(str(tmp_path), str(table)) == "nfs4"


# The kernel's ports


def write(folder: Path, span: str, reserved: str) -> str:
    (folder / "ip_local_port_range").write_text(span)
    (folder / "ip_local_reserved_ports").write_text(reserved)
    return str(folder)


@pytest.mark.parametrize(
    ("reserved", "blocks"),
    [
        ("\n", ()),
        ("8080\n", (PortBlock(8080, 1),)),
        ("1-2,9-9\n", (PortBlock(1, 2), PortBlock(9, 1))),
    ],
)
def test_the_kernel_s_ports_are_read(
    tmp_path: Path, reserved: str, blocks: tuple[PortBlock, ...]
) -> None:
    folder = write(tmp_path, "32768\t60999\n", reserved)
    assert kernel_ports(folder) == KernelPorts(32768, 60999, blocks)


def test_where_the_kernel_does_not_say_nothing_is_known(tmp_path: Path) -> None:
    assert kernel_ports(str(tmp_path)) is None
    assert kernel_ports(write(tmp_path, "many\n", "")) is None


def test_this_machine_s_kernel_says() -> None:
    found = kernel_ports()
    assert found is not None
    assert found.first < found.last
