"""Fork one run of composeports for each request; all modules are imported already.

Stdin is a socket with the requests: each is a run as JSON, with the descriptors of its stdout, its
stderr and the socket for its exit code.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time
from typing import Any, NoReturn

import composeports
from composeports.__main__ import main, main_down, main_up

MAINS = {
    "composeports": main,
    "compose-up": main_up,
    "compose-down": main_down,
}
REQUEST_BYTES = 1 << 18


def serve(requests: socket.socket) -> None:
    """Fork for each request until the socket is closed."""
    for module in pkgutil.walk_packages(composeports.__path__, "composeports."):
        if not module.name.startswith("composeports.pytest_plugin"):
            importlib.import_module(module.name)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, descriptors, _flags, _address = socket.recv_fds(requests, REQUEST_BYTES, 3)
        if not data:
            return
        if os.fork() == 0:
            requests.close()
            _watch(json.loads(data), *descriptors)
        for number in descriptors:
            os.close(number)


def _watch(run: dict[str, Any], out: int, err: int, reply: int) -> NoReturn:
    """Run it in a child, and send the child's pid and then its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(reply)
        _become(run, out, err)
    os.close(out)
    os.close(err)
    os.write(reply, b"%d\n" % child)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(reply, b"%d\n" % code)
    os._exit(0)


def _become(run: dict[str, Any], out: int, err: int) -> NoReturn:
    """Be as a process that was just started with these words, this folder and these variables."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.umask(run["umask"])
    os.chdir(run["cwd"])
    os.environ.clear()
    os.environ.update(run["environ"])
    time.tzset()
    sys.argv = run["argv"]
    try:
        MAINS[os.path.basename(sys.argv[0])]()
    except BaseException:  # noqa: BLE001 - as the interpreter would show it
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as stdin:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        serve(stdin)
