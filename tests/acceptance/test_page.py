"""The page on a real engine: stacks start, change state and end while the page is open."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.engine import docker
from tests.harness.repository import stack
from tests.harness.session import Repository, Session
from tests.harness.waits import fetch, page
from tests.support.browsing import open_browser, watched
from tests.support.machine import Shell
from tests.support.serving import KEY, serving

pytestmark = pytest.mark.e2e

WEB = {"compose.yaml": stack({"web": {"ports": ["8080:80"]}, "db": {"ports": ["5432:5432"]}})}


def row(shown: Page, session: Session) -> Locator:
    name = shown.locator(".name").get_by_text(session.directory.name, exact=True)
    return shown.locator("#rows tr").filter(has=name)


def take_down(shown: Page, session: Session) -> None:
    row(shown, session).get_by_role("button", name="Down").click()
    shown.get_by_role("dialog").get_by_role("button", name="Down").click()


def test_three_stacks_come_up_go_stale_and_go_down_while_it_is_open(
    make_repository: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = make_repository(WEB)
    one, two, three = (repository.worktree(name) for name in ("one", "two", "three"))
    environ = one.environ
    shell = Shell(tmp_path, Path(environ["COMPOSEPORTS_STATE_DIR"]), environ)
    with serving(shell) as server, open_browser() as browser, watched(browser) as tab:
        shown = tab.open(server.url)
        expect(shown.get_by_text("No session holds ports.")).to_be_visible()
        shown.evaluate("window.sameDocument = true")

        for session in (one, two, three):
            session.ok("up")
            url = session.ok("url", "web").strip()
            expect(row(shown, session).locator(".badge")).to_have_text("running")
            expect(row(shown, session).get_by_role("link")).to_have_attribute("href", url)
        expect(shown.locator("#summary")).to_have_text("3 running")

        docker("stop", "--time", "0", *two.ids().values())
        expect(row(shown, two).locator(".badge")).to_have_text("stopped")
        two.set_expiry(time.time() - 1)
        expect(row(shown, two)).to_contain_text(
            "expired Stale: another session may take its ports."
        )
        ids = three.ids().values()
        shutil.rmtree(three.directory)
        expect(row(shown, three).locator(".badge")).to_have_text("running")
        docker("stop", "--time", "0", *ids)
        expect(row(shown, three)).to_contain_text("gone Stale: its folder does not exist any more.")
        assert tab.problems() == []

        take_down(shown, three)
        shown.get_by_label("Key", exact=True).fill(KEY)
        shown.keyboard.press("Enter")
        expect(row(shown, three)).to_have_count(0)
        take_down(shown, two)
        expect(row(shown, two)).to_have_count(0)
        assert two.resources_of() == []
        assert one.containers("running")
        assert shown.evaluate("window.sameDocument") is True

        link = row(shown, one).get_by_role("link")
        url = link.inner_text()
        page(url)
        link.click()
        expect(shown.locator("body")).to_contain_text(fetch(url))
        shown.go_back()
        expect(row(shown, one).locator(".badge")).to_have_text("running")
        one.ok("down")
        expect(shown.get_by_text("No session holds ports.")).to_be_visible()
        assert (tab.dialogs, tab.errors) == ([], [])
