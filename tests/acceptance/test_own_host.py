"""Two sessions in one browser: with host names of their own, each keeps its cookies."""

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository
from tests.harness.waits import page
from tests.support.browsing import open_browser

pytestmark = pytest.mark.e2e

# A log-in: the page sets the cookie of its own session, and shows the one that the browser sent.
LOG_IN = r"""mkdir -p /w/cgi-bin; cat > /w/cgi-bin/in <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\nSet-Cookie: login=%s; Path=/\r\n\r\n%s' "$OWNER" "$HTTP_COOKIE"
END
chmod +x /w/cgi-bin/in; echo ready > /w/index.html; exec httpd -f -p 80 -h /w"""


def test_two_sessions_are_logged_in_at_once_in_one_browser(make_repository: MakeRepository) -> None:
    web = {
        "command": ["sh", "-c", LOG_IN.replace("$", "$$")],
        "environment": {"OWNER": "${COMPOSE_PROJECT_NAME}"},
        "ports": ["8000:80"],
    }
    repository = make_repository({"compose.yaml": stack({"web": web})})
    sessions = repository.worktree("one"), repository.worktree("two")
    with open_browser() as browser:
        tab = browser.new_page()
        for session in sessions:
            session.ok("up", "--strict")
            assert page(session.ok("url", "web").strip()) == "ready"
            tab.goto(f"{session.ok('url', 'web', '--own-host').strip()}/cgi-bin/in")
        for session in sessions:
            url = session.ok("open", "web", "--own-host", "--print").strip()
            assert url.startswith(f"http://{session.project}.localhost:")
            tab.goto(f"{url}/cgi-bin/in")
            assert tab.locator("body").inner_text() == f"login={session.project}"
