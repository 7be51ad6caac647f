"""Run `docker system dial-stdio`, until so many bytes of an upload have arrived: SIZE DOCKER."""

import os
import subprocess
import sys
import threading

UPLOAD = b"PUT /v"


def main() -> None:
    """Hand on what comes until the upload has got its bytes; exit code 0 for no upload."""
    size, docker = int(sys.argv[1]), sys.argv[2]
    program = subprocess.Popen(
        (docker, "system", "dial-stdio"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdin is not None
    assert program.stdout is not None
    answers = program.stdout.fileno()
    threading.Thread(target=_hand_on, args=(answers,), daemon=True).start()
    seen: int | None = None
    while data := os.read(0, 4096):
        if seen is None and data.startswith(UPLOAD):
            seen = 0
        os.write(program.stdin.fileno(), data)
        if seen is not None:
            seen += len(data)
            if seen >= size:
                program.kill()
                os._exit(1)
    os._exit(0)


def _hand_on(source: int) -> None:
    while data := os.read(source, 65536):
        os.write(1, data)


if __name__ == "__main__":
    main()
