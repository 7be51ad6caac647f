"""Make the pictures of the page for the docs: `python -m tests.support.screenshots`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.board_place import BoardPlace, fill
from tests.support.browsing import PHONE, ROOT, open_browser, watched

IMAGES = ROOT / "docs" / "images"
DESKTOP = {"width": 1180, "height": 860}


def take(browser: Browser, url: str, name: str, **options: object) -> None:
    """Take one picture of the page."""
    with watched(browser, **options) as tab:
        page = tab.open(url)
        expect(page.locator("#connection")).to_have_text("Live")
        page.screenshot(path=IMAGES / name)


def main() -> None:
    """Take them all, with a machine that is made up."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        place = BoardPlace(Path(folder))
        fill(place)
        with place.serving() as server:
            take(browser, server.url, "page-light.png", viewport=DESKTOP)
            take(browser, server.url, "page-dark.png", viewport=DESKTOP, color_scheme="dark")
            take(browser, server.url, "page-phone.png", viewport=PHONE)


if __name__ == "__main__":
    main()
