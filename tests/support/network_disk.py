"""A file system that the kernel reports as sshfs; an empty folder, and no network.

`network_disk.py FOLDER` mounts it there (as root), prints a line, and serves until it is killed.
"""

import ctypes
import os
import struct
import sys

LOOKUP, FORGET, GETATTR, STATFS, INIT, FORGET_MANY = 1, 2, 3, 17, 26, 42
OPEN_FOLDER, READ_FOLDER, CLOSE_FOLDER = 27, 28, 29
NO_ENTRY, NO_SUCH_CALL = 2, 38
HEADER = struct.Struct("<IIQQIIII")
ANSWER = struct.Struct("<IiQ")


def mount(folder: str) -> int:
    """Mount the file system and return the file on which the kernel asks."""
    asked = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={asked},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"far:/", folder.encode(), b"fuse.sshfs", 0, options.encode()):
        error = ctypes.get_errno()
        raise OSError(error, f"cannot mount a FUSE file system: {os.strerror(error)}")
    return asked


def answer(code: int) -> bytes | int:
    """Return the answer to a call, or the number of an error."""
    if code == INIT:
        return struct.pack("<IIIIHHIIHH8I", 7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, *[0] * 8)
    if code == GETATTR:
        times = [0] * 9
        return struct.pack(
            "<QII6QIII7I", 1, 0, 0, 1, 0, *times[:6], 0, 0o40700, 2, 0, 0, 0, 4096, 0
        )
    if code == STATFS:
        return struct.pack("<5Q4I6I", 1000, 1000, 1000, 1000, 1000, 4096, 255, 4096, 0, *[0] * 6)
    if code == OPEN_FOLDER:
        return bytes(16)
    if code in {READ_FOLDER, CLOSE_FOLDER}:
        return b""
    return NO_ENTRY if code == LOOKUP else NO_SUCH_CALL


def serve(asked: int) -> None:
    """Answer the kernel until the file system is gone."""
    while True:
        try:
            data = os.read(asked, 1 << 20)
        except OSError:  # it was unmounted
            return
        _, code, unique, *_ = HEADER.unpack_from(data)
        if code in {FORGET, FORGET_MANY}:
            continue
        said = answer(code)
        body, error = (b"", said) if isinstance(said, int) else (said, 0)
        os.write(asked, ANSWER.pack(ANSWER.size + len(body), -error, unique) + body)


if __name__ == "__main__":
    number = mount(sys.argv[1])
    sys.stdout.write("mounted\n")
    sys.stdout.flush()
    serve(number)
