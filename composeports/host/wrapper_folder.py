"""Install the wrapper: `docker` and `docker-compose` scripts on PATH before the real programs.

The folder holds two scripts for /bin/sh that are the same for all sessions; variables name the
session. The name of the folder is a digest of its content, so it is written once and never changed.
A folder that other users may write to is never used.
"""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from shutil import rmtree

from composeports.core.environment import as_export
from composeports.errors import FileAccessError, StoreError
from composeports.host.session_files import OWN_NAMES
from composeports.host.state_directory import refuse_unsafe
from composeports.host.wrapper import CALL, DOCKER, DOCKER_COMPOSE, MARKER

# The script decides most calls without starting Python: it compares the engine, the command and the
# names in the arguments. It passes a call that may concern the session to `composeports
# docker-call`, which parses the arguments properly.
SCRIPT = """\
#!/bin/sh
# Written by composeports, which puts it in front of the real @NAME@ for one command or shell.
# @VERSION@
@PYTHON@

concerns() {
    while [ "$#" -gt 0 ]; do
        case $1 in
        --host | --host=* | --context | --context=* | --version | --help | -v | -h) return 1 ;;
        --config | --log-level | --tlscacert | --tlscert | --tlskey | -l) shift ;;
        -l* | --*) ;;
        -*[Hc]*) return 1 ;;
        -*l) shift ;;
        -*) ;;
        *) break ;;
        esac
        [ "$#" -eq 0 ] || shift
    done
    [ "${1-}" != compose ] || return 0
    case ${1-} in container | image | network | system | volume) shift ;; esac
    case ${1-} in
    attach | commit | cp | diff | exec | export | inspect | kill | logs | pause | port) ;;
    rename | restart | rm | start | stats | stop | top | unpause | update | wait) ;;
    ps | ls | list | run | create | connect | disconnect) ;;
    history | images | prune | remove | rmi | save | tag) ;;
    *) return 1 ;;
    esac
    [ "$#" -gt 1 ] || return 1
    names=
    file=$COMPOSEPORTS_WRAP_FOLDER/@FILE@
    if [ -f "$file" ] && [ ! -h "$file" ] && [ -r "$file" ]; then
        IFS= read -r names <"$file" || :
    fi
    names=" ${names:+$names }${COMPOSEPORTS_WRAP_CONTAINERS:+$COMPOSEPORTS_WRAP_CONTAINERS }"
    for word in "$@"; do
        bare=${word#/}
        case $word in
        *source=*) value=${word##*source=} value=${value%%,*} ;;
        *src=*) value=${word##*src=} value=${value%%,*} ;;
        -v?*) value=${word#-v} ;;
        name=* | *[=f]name=*) return 0 ;;
        *) value=${word##*[=^]} ;;
        esac
        value=${value#/}
        value=${value#container:}
        value=${value%\\$}
        case $names in
        *" ${bare%%:*} "* | *" ${value%%:*} "*) return 0 ;;
        esac
    done
    return 1
}

path=${PATH-}:
rest=
real=
while [ -n "$path" ]; do
    folder=${path%%:*}
    path=${path#*:}
    [ ! -e "${folder:-.}/@MARKER@" ] || continue
    rest=$rest:$folder
    if [ -z "$real" ] && [ -f "${folder:-.}/@NAME@" ] && [ -x "${folder:-.}/@NAME@" ]; then
        real=${folder:-.}/@NAME@
    fi
done
engine="${DOCKER_HOST-} ${DOCKER_CONTEXT-}"
if [ -n "${COMPOSEPORTS_WRAP_PROJECT-}" ] && [ "$engine" = "${COMPOSEPORTS_WRAP_ENGINE-}" ]; then
    if @CONCERNS@; then
        PATH=${rest#:}
        exec "$python" -P -c "$program" @CALL@ @NAME@ "$@"
    fi
fi
if [ -z "$real" ]; then
    echo "@NAME@: not found behind composeports' wrapper on PATH" >&2
    exit 127
fi
PATH=${rest#:}
exec "$real" "$@"
"""
PROGRAM = "from composeports.__main__ import main; main()"
# The owner of files whose user is missing in the user namespace.
OVERFLOW_UID = 65534


def install(folders: Iterable[str], version: str, python: str) -> str:
    """Return the wrapper's folder, in the first of `folders` that can be used; write it if missing.

    `python` is the path of the Python that the scripts start. If no folder can be used, raise the
    FileAccessError of the last one.
    """
    failure = FileAccessError("there is no folder for the wrapper", hint="set HOME")
    for folder in folders:
        try:
            return _installed(folder, _scripts(version, python))
        except FileAccessError as error:
            failure = error
        except StoreError as error:
            failure = _refused(folder, error.message)
        except OSError as error:
            failure = _refused(folder, error.strerror or str(error))
    raise failure


def _scripts(version: str, python: str) -> dict[str, str]:
    settings = (("python", python), ("program", PROGRAM))
    words = {
        "@VERSION@": version,
        "@PYTHON@": "\n".join(
            as_export((setting,)).removeprefix("export ") for setting in settings
        ),
        "@FILE@": OWN_NAMES,
        "@MARKER@": MARKER,
        "@CALL@": CALL,
    }
    return {
        DOCKER: _filled({**words, "@NAME@": DOCKER, "@CONCERNS@": 'concerns "$@"'}),
        DOCKER_COMPOSE: _filled({**words, "@NAME@": DOCKER_COMPOSE, "@CONCERNS@": ":"}),
        MARKER: "#!/bin/sh\n# A folder of PATH with this file holds composeports' wrapper.\n",
    }


def _filled(words: Mapping[str, str]) -> str:
    return re.sub("@[A-Z]+@", lambda mark: words[mark[0]], SCRIPT)


def _installed(state: str, scripts: Mapping[str, str]) -> str:
    digest = sha256("\0".join(scripts.values()).encode("utf-8", "surrogateescape"))
    parent = os.path.join(state, "wrapper")
    folder = os.path.join(parent, digest.hexdigest()[:12])
    if os.pathsep in folder:
        raise _refused(folder, "its path has a colon, which separates the folders of PATH")
    if not os.path.isdir(folder):
        refuse_unsafe(state)
        os.makedirs(state, 0o700, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(parent, 0o700)
        _refuse_unsafe(parent)
        _write(folder, scripts)
    _check(folder, scripts)
    return folder


def _write(folder: str, scripts: Mapping[str, str]) -> None:
    """Write the scripts to a temporary folder and rename it; another process may do so first."""
    scratch = f"{folder}.{os.urandom(4).hex()}"
    try:
        os.mkdir(scratch, 0o700)
        for name, text in scripts.items():
            file = os.open(os.path.join(scratch, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
            with open(file, "w", encoding="utf-8", errors="surrogateescape") as script:
                script.write(text)
        with suppress(OSError):
            os.rename(scratch, folder)
    finally:
        rmtree(scratch, ignore_errors=True)


def _check(folder: str, scripts: Mapping[str, str]) -> None:
    """Raise FileAccessError if the folder differs from what was written, or cannot be executed."""
    _refuse_unsafe(os.path.dirname(folder))
    for path in (folder, *(os.path.join(folder, name) for name in scripts)):
        if not _is_mine(path):
            raise _refused(path, "others may write to it, or another user owns it")
    for name, text in scripts.items():
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            if file.read() != text:
                raise _refused(path, "it is not what composeports wrote")
        if not os.access(path, os.X_OK):
            raise _refused(path, "nothing can be run from there")


def _refuse_unsafe(above: str) -> None:
    if not _is_mine(above):
        raise _refused(above, "others may write to it, or another user owns it")
    for parent in _parents(above):
        if _lets_others_replace(parent):
            raise _refused(above, f"other users may replace what is in {parent}")


def _is_mine(path: str) -> bool:
    status = os.lstat(path)
    is_link = stat.S_ISLNK(status.st_mode)
    return not is_link and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _parents(path: str) -> Iterable[str]:
    folder = os.path.realpath(path)
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def _lets_others_replace(folder: str) -> bool:
    """Return True if another user may rename what is in the folder.

    The user's own group counts as the user.
    """
    status = os.stat(folder)
    if status.st_mode & stat.S_ISVTX:
        return False
    is_open_to_group = status.st_mode & 0o020 and status.st_gid != os.getegid()
    has_foreign_owner = status.st_uid not in {0, OVERFLOW_UID, os.geteuid()}
    return bool(status.st_mode & 0o002 or is_open_to_group or has_foreign_owner)


def _refused(path: str, why: str) -> FileAccessError:
    return FileAccessError(
        f"the wrapper of docker cannot be used from {path}: {why}",
        hint="remove that folder, or set COMPOSEPORTS_STATE_DIR to one that is yours alone; "
        "`--no-wrap` runs the command without the wrapper",
        path=path,
    )
