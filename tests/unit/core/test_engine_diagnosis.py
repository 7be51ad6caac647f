"""The message about an engine that did not answer."""

import pytest

from composeports.core.engine_diagnosis import explain, explain_silence, place_of

TCP = "tcp://10.0.0.7:2376"
GET = 'error during connect: Get "https://10.0.0.7:2376/v1.24/containers/json": '
SSH = (
    'error during connect: Get "http://docker.example.com/v1.24/containers/json": command [ssh '
    "-l me -- box docker system dial-stdio] has exited with exit status 255, please make sure the "
    "URL is valid, and Docker 18.09 or later is installed on the remote host: stderr="
)
OVER = "ssh://me@box"

# address, what docker said: a part of the message, a part of the next step
CASES = {
    "here": (
        "unix:///x.sock",
        "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?\n",
        "the Docker engine did not answer: Cannot connect to the Docker daemon at unix:///x.sock.",
        "start the engine",
    ),
    "here, not allowed": (
        "unix:///x.sock",
        "permission denied while trying to connect to the Docker daemon socket",
        "did not answer: permission denied while",
        "join the group",
    ),
    "nothing said": ("unix:///x.sock", "", "did not answer: docker said nothing", "start the"),
    "no context": (
        "",
        'unable to resolve docker endpoint: context "far": context not found: open x\nsecond',
        'the Docker engine did not answer: unable to resolve docker endpoint: context "far"',
        "`docker context ls` shows",
    ),
    "an older docker's words": ("", 'context "far" does not exist', "far", "docker context ls"),
    "another trouble with a context": ("", 'context "far": no rights', "far", "start the engine"),
    "nobody listens": (
        TCP,
        "Cannot connect to the Docker daemon at tcp://10.0.0.7:2376. Is the docker daemon running?",
        "the Docker engine at tcp://10.0.0.7:2376 did not answer: Cannot connect",
        "check that 10.0.0.7 is up, that its engine listens at tcp://10.0.0.7:2376",
    ),
    "nobody listens here": (
        "tcp://localhost:2375",
        "Cannot connect",
        "at tcp://localhost:2375",
        "check that this machine is up",
    ),
    "over IPv6": ("tcp://[fd00::7]:2376", "i/o timeout", "at tcp://[fd00::7]:2376", "fd00::7 is"),
    "another authority": (
        TCP,
        GET + "x509: certificate signed by unknown authority",
        "did not answer: Get",
        "check the certificates",
    ),
    "no certificates": (
        TCP,
        "unable to resolve docker endpoint: open /c/ca.pem: no such file or directory",
        "open /c/ca.pem",
        "check the certificates",
    ),
    "TLS is missing": (
        TCP,
        "Error response from daemon: Client sent an HTTP request to an HTTPS server.",
        "did not answer: Client sent",
        "set DOCKER_TLS_VERIFY=1",
    ),
    "TLS is too much": (
        TCP,
        GET + "http: server gave HTTP response to HTTPS client",
        "server gave",
        "unset DOCKER_TLS_VERIFY",
    ),
    "ssh refused": (
        OVER,
        SSH + "ssh: connect to host box port 22: Connection refused\r\n",
        "at ssh://me@box did not answer: ssh: connect to host box port 22: Connection refused",
        "check `ssh me@box docker version`",
    ),
    "no key": (
        OVER,
        SSH + "Warning: Permanently added 'box'.\r\nme@box: Permission denied (publickey).\r\n",
        "did not answer: me@box: Permission denied (publickey).",
        "`ssh me@box` has to work without a question",
    ),
    "an unknown host": (
        "ssh://box:2222",
        SSH + "Host key verification failed.",
        "at ssh://box:2222 did not answer: Host key",
        "run `ssh -p 2222 box` once by hand",
    ),
    "no docker there": (
        OVER,
        SSH + "bash: line 1: docker: command not found",
        "docker: command not found",
        "on the PATH of `ssh me@box docker version`",
    ),
    "ssh that says nothing": (OVER, SSH, "make sure the URL is valid", "on the PATH of"),
    "a password is not shown": ("ssh://me:secret@box", "oops", "at ssh://me@box did", "me@box"),
}


@pytest.mark.parametrize(("address", "err", "message", "hint"), CASES.values(), ids=CASES)
def test_what_is_told(address: str, err: str, message: str, hint: str) -> None:
    told, step = explain(address, err)
    assert message in told
    assert hint in step
    assert "\n" not in told


# address, how the engine is named
NAMES = {
    "unix:///run/docker.sock": "the Docker engine at unix:///run/docker.sock",
    "ssh://me:secret@box": "the Docker engine at ssh://me@box",
    TCP: f"the Docker engine at {TCP}",
    "": "the Docker engine",
}


@pytest.mark.parametrize(("address", "name"), NAMES.items())
def test_a_silent_engine_is_told_with_its_address_and_the_limit(address: str, name: str) -> None:
    message, step = explain_silence(address, 2.5)
    assert place_of(address) == name
    assert message == f"{name} did not answer within 2.5 s"
    assert "COMPOSEPORTS_ENGINE_TIMEOUT" in step
    assert "nothing was changed" in step
