"""A headless browser, the events in its page, and the findings of axe-core."""

import functools
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Dialog, Error, Page, ViewportSize, expect, sync_playwright

from tests.harness.program import OUTSIDE, output
from tests.harness.waits import HANG

ROOT = Path(__file__).parents[2]
PHONE = ViewportSize(width=390, height=844)
PATIENCE_MS = HANG * 1000
# After it the page is loaded again.
TRY_MS = 30_000
STYLED = "[...document.styleSheets].some((each) => each.cssRules.length > 0)"
# A name that leads to this machine, and is not localhost.
OTHER_NAME = "ports.example"


@functools.cache
def tools() -> dict[str, Any]:
    """Return where browser and axe-core are; they are fetched at the first use on a machine."""
    argv = (sys.executable, str(ROOT / "scripts" / "browser.py"))
    found: dict[str, Any] = json.loads(output(*argv, environ=OUTSIDE))
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser; no other event loop may run in this thread at the same time."""
    expect.set_options(timeout=PATIENCE_MS)
    found = tools()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=found["executable"],
            env={**os.environ, **found["environment"]},
            args=["--no-sandbox", f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1"],
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and the errors that happened in it."""

    page: Page
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("dialog", self._refuse)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console",
            lambda said: self.errors.append(said.text) if "Security Policy" in said.text else None,
        )

    def _refuse(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, url: str) -> Page:
        """Load the page; each network that comes or goes on the machine may break a try."""
        connection = self.page.locator("#connection")
        end = time.monotonic() + HANG
        while True:
            try:
                self.page.goto(url)
                expect(connection).not_to_have_attribute("data-is", "connecting", timeout=TRY_MS)
                assert self.page.evaluate(STYLED)
            except (AssertionError, Error):
                if time.monotonic() > end:
                    raise
            else:
                return self.page

    def problems(self) -> list[str]:
        """Return what axe-core finds, however light, as "rule: where"."""
        self.page.evaluate(Path(tools()["axe"]).read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Watched]:  # noqa: ANN401 - Playwright's
    """Open a tab that shares nothing with others."""
    context = browser.new_context(**options)
    try:
        yield Watched(context.new_page())
    finally:
        context.close()
