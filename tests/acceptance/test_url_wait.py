"""`url --wait`: the URL as soon as the service answers, and not its engine's proxy alone."""

import pytest

from tests.harness.program import finish
from tests.harness.repository import stack
from tests.harness.session import MakeRepository
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

# It listens only when the test has made the file.
LATE = "until [ -e /go ]; do sleep 0.1; done; echo ready >/index.html; exec httpd -f -p 80 -h /"


def test_the_url_comes_when_the_service_answers(make_repository: MakeRepository) -> None:
    late = {"entrypoint": ["sh", "-c", LATE], "stop_grace_period": "0s"}
    services = {
        "web": {**late, "ports": ["8080:80"]},
        "db": {**late, "ports": ["5432:80"]},
    }
    names = {"ports": ["5353:53/udp"]}
    session = make_repository({"compose.yaml": stack({**services, "names": names})}).main
    assert session.run("url", "web", "--wait").code == 66
    session.ok("up")
    for service in services:
        done = session.run("url", service, "--wait", "--wait-timeout", "0", "--json")
        assert (done.code, done.error["code"]) == (75, "not_ready")
        assert f"composeports logs {service}" in done.error["hint"]
        with session.start("url", service, "--wait", "--wait-timeout", "300") as waiting:
            session.ok("exec", "-T", service, "touch", "/go")
            done = finish(waiting)
        assert (done.code, done.out) == (0, session.ok("url", service))
    done = session.run("url", "names", "--wait", "--wait-timeout", "0")  # nothing to ask by UDP
    assert (done.code, done.out) == (0, session.ok("url", "names"))
    assert page(session.ok("url", "web").strip()) == "ready"
    session.ok("stop", "-t", "0", "web")
    assert session.run("url", "web", "--wait", "--wait-timeout", "0").code == 75
    assert session.run("url", "nobody", "--wait", "--wait-timeout", "0").code == 2
