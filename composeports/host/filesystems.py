"""Find the type of the file system of a path in Linux's mount table. Linux only."""

import os

from composeports.core.folders import is_within

MOUNT_TABLE = "/proc/self/mountinfo"
# File systems that several machines can mount at once: types of mount(8), and sub-types of FUSE.
NETWORK = frozenset(
    """9p afs beegfs ceph cifs coda davfs fhgfs gfs gfs2 glusterfs gpfs lustre ncp ncpfs nfs nfs4
    ocfs2 orangefs panfs pvfs2 smb3 smbfs vboxsf virtiofs vmhgfs""".split()  # noqa: SIM905 - long
)
NETWORK_FUSE = frozenset(
    """ceph ceph-fuse cifs davfs gcsfuse glusterfs goofys grpcfuse juicefs mfs moosefs osxfs rclone
    s3fs seaweedfs sshfs vmhgfs-fuse""".split()  # noqa: SIM905 - long
)


def is_network(kind: str) -> bool:
    """Return True if several machines can share a file system of this type; False if unknown."""
    name, _, subtype = kind.partition(".")
    return name in NETWORK or (name == "fuse" and subtype in NETWORK_FUSE)


def file_system_of(path: str, table: str = MOUNT_TABLE) -> str:
    """Return the type of the file system of the existing `path`; empty if it is unknown."""
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        device = os.stat(path).st_dev
    except OSError:
        return ""
    number = f"{os.major(device)}:{os.minor(device)}"
    return find_type(text, number, os.path.realpath(path))


def find_type(table: str, device: str, path: str) -> str:
    """Return the type of the mount with the given `major:minor`, else of the one nearest to `path`.

    The nearest mount is needed because some file systems (btrfs) have another device number in
    stat(2) than in the mount table. Return an empty string if no mount fits.
    """
    nearest_point, nearest_kind = "", ""
    for line in table.splitlines():
        mount, _, source = line.partition(" - ")
        columns = mount.split(" ")
        if len(columns) < 5 or not source:  # noqa: PLR2004 - id, parent, device, root, mount point
            continue
        kind = source.split(" ", 1)[0]
        if columns[2] == device:
            return kind
        point = _unescaped(columns[4])
        if is_within(path, point) and len(point) >= len(nearest_point):
            nearest_point, nearest_kind = point, kind
    return nearest_kind


def _unescaped(text: str) -> str:
    """Decode the escapes of proc(5) for space, tab, newline and backslash."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
