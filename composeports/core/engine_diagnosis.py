"""Messages about an engine that did not answer: its address, docker's error, the next step."""

from composeports.core.engine_address import LOCALHOST, OF_FILES, SSH, Address, split_address

START = "start the engine, or check DOCKER_HOST and `docker context ls`; nothing was changed"
# In an error of docker, the error output of the `ssh` that docker started follows this text.
FROM_SSH = "stderr="
PREFIXES = ("error during connect: ", "Error response from daemon: ")
# Texts that identify a kind of failure, and the next step for it.
TLS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("http request to an https server", "malformed http response"),
        (
            "the engine requires TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a "
            "context with certificates"
        ),
    ),
    (
        ("http response to https client", "first record does not look like a tls handshake"),
        "the engine speaks without TLS: unset DOCKER_TLS_VERIFY, if you trust the network to it",
    ),
    (
        ("x509:", "tls:", "certificate", "ca.pem", "cert.pem", "key.pem"),
        (
            "check the certificates that DOCKER_CERT_PATH or the context names: the engine's own "
            "has to be of that ca.pem and for that address, and it has to know yours"
        ),
    ),
)
OVER_SSH: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("permission denied",),
        (
            "`{ssh}` has to work without a question: give it a key (in an agent, SSH_AUTH_SOCK), "
            "and make sure that the user there may use docker"
        ),
    ),
    (
        ("host key verification failed",),
        "run `{ssh}` once by hand, to check and accept the key of that machine",
    ),
    (
        ("command not found", "no such file or directory", "dial-stdio"),
        "`docker` has to be on the PATH of `{ssh} docker version`",
    ),
)


def explain(address: str, err: str) -> tuple[str, str]:
    """Return the message and the next step for an error of `docker` with an engine.

    `address` is empty if the context is unknown. `err` is the error output of `docker`.
    """
    parts = split_address(address)
    error = _said(err, parts)
    if parts.scheme in OF_FILES or not address:
        return f"the Docker engine did not answer: {error}", _step_here(error)
    url = _shown(parts)
    return f"the Docker engine at {url} did not answer: {error}", _step_there(parts, url, error)


def place_of(address: str) -> str:
    """Return the words that messages use for the engine at an address."""
    parts = split_address(address)
    if parts.scheme in OF_FILES or not address:
        return f"the Docker engine at {address}" if address else "the Docker engine"
    return f"the Docker engine at {_shown(parts)}"


def explain_silence(address: str, seconds: float) -> tuple[str, str]:
    """Return message and next step for an engine that did not answer within `seconds`."""
    return (
        f"{place_of(address)} did not answer within {seconds:g} s",
        (
            "what runs there is unknown: see whether it is frozen or overloaded (`docker "
            "version`), then run this again; COMPOSEPORTS_ENGINE_TIMEOUT sets how many seconds it "
            "gets; nothing was changed"
        ),
    )


def _said(err: str, known: Address) -> str:
    """Return the most useful line of the error: the first line, or the last line of ssh."""
    text = err.strip()
    if known.scheme == SSH and FROM_SSH in text:
        text = text.partition(FROM_SSH)[2].strip() or text
        return text.splitlines()[-1].strip()
    line = text.splitlines()[0] if text else "docker said nothing"
    for prefix in PREFIXES:
        line = line.removeprefix(prefix)
    return line


def _step_here(said: str) -> str:
    text = said.lower()
    if "permission denied" in text:
        return (
            "your user may not use the engine's socket: join the group `docker`, then log in again"
        )
    if "context" in text and ("not found" in text or "does not exist" in text):
        return "`docker context ls` shows the contexts that there are; nothing was changed"
    return START


def _step_there(known: Address, address: str, said: str) -> str:
    ssh = " ".join(("ssh", *(("-p", known.port) if known.port else ()), _person(known)))
    kinds = OVER_SSH if known.scheme == SSH else TLS
    text = said.lower()
    for words, step in kinds:
        if any(word in text for word in words):
            return step.format(ssh=ssh)
    if known.scheme == SSH:
        return f"check `{ssh} docker version`, and that its engine runs; nothing was changed"
    host = "this machine" if known.host == LOCALHOST else known.host
    return (
        f"check that {host} is up, that its engine listens at {address}, and that no firewall is "
        "in between; nothing was changed"
    )


def _person(known: Address) -> str:
    return f"{known.user}@{known.host}" if known.user else known.host


def _shown(known: Address) -> str:
    """Return the address without the password."""
    host = f"[{known.host}]" if ":" in known.host else known.host
    user = f"{known.user}@" if known.user else ""
    return f"{known.scheme}://{user}{host}" + (f":{known.port}" if known.port else "")
