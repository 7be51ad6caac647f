"""The page in a real browser, from a server process: its content and its use."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from composeports.servers import dashboard
from tests.support.board_place import BoardPlace, fill
from tests.support.browsing import OTHER_NAME, PHONE, Watched, open_browser, watched
from tests.support.serving import KEY, Server

pytestmark = pytest.mark.integration

HOSTILE = "<img src=x onerror=alert(1)>"
OUTLINE = "(n) => [getComputedStyle(n).outlineStyle, parseFloat(getComputedStyle(n).outlineWidth)]"
FILES = ("/", "/page.css", "/page.js", "/page.svg")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> BoardPlace:
    return BoardPlace(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def server(shared: BoardPlace) -> Iterator[Server]:
    with shared.serving() as running:
        yield running


@pytest.fixture
def place(shared: BoardPlace) -> BoardPlace:
    """The machine with one session in each state."""
    shared.clear()
    fill(shared)
    return shared


@pytest.fixture
def tab(browser: Browser) -> Iterator[Watched]:
    """A tab; it made no request to other servers, had no error and opened no browser dialog."""
    with watched(browser) as opened:
        yield opened
        assert opened.dialogs == []
        assert opened.errors == []
        hosts = {httpx.URL(each).host for each in opened.asked}
        assert hosts <= {"127.0.0.1", OTHER_NAME}


@pytest.fixture
def page(place: BoardPlace, tab: Watched, server: Server) -> Page:  # noqa: ARG001 - it comes first
    shown = tab.open(server.url)
    expect(rows(shown)).to_have_count(6)
    return shown


def rows(page: Page) -> Locator:
    return page.locator("#rows tr:visible")


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.locator(".name").get_by_text(name, exact=True))


def button(page: Page, does: str, name: str) -> Locator:
    return page.get_by_role("button", name=f"{does} {name}", exact=True)


def give_key(page: Page, key: str = KEY) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")


# What it shows


def test_every_lease_is_a_row_with_its_worktree_branch_state_and_time(page: Page) -> None:
    login = row(page, "shop-login")
    for text in ("feature/login-with-passkeys", "/home/you/shop-login", "running", "1 h 35 min"):
        expect(login).to_contain_text(text)
    expect(row(page, "shop-search")).to_contain_text("stopped")
    expect(page.locator("#summary")).to_have_text("2 running, 2 stopped, 1 gone, 1 expired")
    expect(page).to_have_title("2 running, 2 stopped, 1 gone, 1 expired - composeports")


def test_urls_of_what_runs_are_links_and_nothing_else_is(page: Page) -> None:
    links = row(page, "shop-login").get_by_role("link")
    expect(links).to_have_text(
        ["http://localhost:10104", "http://localhost:10107", "http://localhost:10108"]
    )
    assert links.nth(0).get_attribute("href") == "http://localhost:10104"
    services = row(page, "shop-login").get_by_role("listitem")
    expect(services).to_have_text(
        ["api http://localhost:10104", "db localhost:10105", "mail 1025/tcp localhost:10106",
         "mail 8025/tcp http://localhost:10107", "web http://localhost:10108"]
    )  # fmt: skip
    for name in ("shop-search", "shop-old", "agent-7"):
        expect(row(page, name).get_by_role("link")).to_have_count(0)
    expect(row(page, "agent-7").get_by_role("listitem")).to_have_count(4)


def test_what_is_stale_is_said_in_words(page: Page, place: BoardPlace) -> None:
    expect(row(page, "shop-old")).to_contain_text("gone Stale: its folder does not exist any more")
    expect(row(page, "blog")).to_contain_text("expired Stale: another session may take its ports")
    place.lose_engine()
    expect(page.locator(".badge").filter(has_text="unknown")).to_have_count(6)
    expect(row(page, "blog")).to_contain_text("expired, kept while the engine does not answer")


def test_it_follows_what_happens(page: Page, place: BoardPlace) -> None:
    page.evaluate("window.sameDocument = true")
    place.put("/home/you/new/.git", worktree="/home/you/new", branch="main")
    expect(row(page, "new")).to_contain_text("running")
    place.put("/home/you/new/.git", "stopped", worktree="/home/you/new", branch="other")
    expect(row(page, "new")).to_contain_text("stopped")
    expect(row(page, "new")).to_contain_text("other")
    place.drop("/home/you/new/.git")
    expect(row(page, "new")).to_have_count(0)
    assert page.evaluate("window.sameDocument") is True


def test_the_time_counts_down(page: Page) -> None:
    cell = row(page, "agent-7").locator(".lease")
    before = cell.inner_text()
    assert before.endswith(" min")
    assert ":" in before
    expect(cell).not_to_have_text(before)
    assert cell.inner_text() < before


@pytest.mark.usefixtures("place")
def test_time_is_told_by_the_server_where_the_clocks_differ(tab: Watched, server: Server) -> None:
    with server.client() as client:
        (first, second, *_) = client.get("/ports/status").json()
    first |= {"expired": True, "kept_by": "containers", "remaining_ttl_minutes": 0}
    second |= {"expires_at": "2001-01-01T00:00:00+00:00", "remaining_ttl_minutes": 98}
    list_ = f"event: status\ndata: {json.dumps([first, second])}\n\n"
    tab.page.route("**/events", lambda route: route.fulfill(body=list_))
    page = tab.open(server.url)
    expect(row(page, "shop")).to_contain_text("running expired, kept by its containers")
    expect(row(page, "shop-login")).to_contain_text("1 h 37 min")


def test_localhost_is_the_server_s_machine_and_not_the_reader_s(
    tab: Watched, place: BoardPlace
) -> None:
    with place.serving("--allow-host", OTHER_NAME) as server:
        page = tab.open(server.url.replace("127.0.0.1", OTHER_NAME))
        expect(row(page, "shop")).to_contain_text(f"db {OTHER_NAME}:10004")
        link = row(page, "shop").get_by_role("link")
        expect(link).to_have_attribute("href", f"http://{OTHER_NAME}:10005")


def test_nothing_held_is_said(tab: Watched, server: Server, place: BoardPlace) -> None:
    place.clear()
    page = tab.open(server.url)
    expect(page.get_by_text("No session holds ports.")).to_be_visible()
    expect(page.get_by_role("table")).to_be_hidden()
    assert tab.problems() == []


def test_hostile_names_are_text(tab: Watched, server: Server, place: BoardPlace) -> None:
    place.clear()
    place.put(HOSTILE, minutes=10)
    place.put(
        f"/x/{HOSTILE}",
        worktree=f"/x/{HOSTILE}\u202egnihton",
        branch="<script>alert(2)</script>",
        urls={"<b>web</b>:80/tcp": "localhost:1", "a:1/tcp": "localhost:2"},
    )
    place.put("x" * 4096, minutes=10)
    page = tab.open(server.url)
    expect(page.locator(".name").nth(0)).to_have_text(HOSTILE)
    expect(page.locator(".branch").nth(1)).to_have_text("<script>alert(2)</script>")
    expect(page.locator(".service").nth(4)).to_have_text("<b>web</b>")
    expect(page.locator("main a")).to_have_count(0)
    expect(page.locator("main img, main b, main script")).to_have_count(0)
    # In the dialogs and the messages, too.
    page.locator("#rows tr").nth(0).get_by_text("Release").click()
    expect(page.locator("#confirm-session")).to_have_text(HOSTILE)
    page.get_by_role("dialog").get_by_text("Release", exact=True).click()
    give_key(page)
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#spoken")).to_contain_text(HOSTILE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.problems() == []


# How it is used


def test_the_filter_is_reached_with_a_slash_and_left_with_escape(page: Page) -> None:
    page.keyboard.press("/")
    field = page.get_by_label("Filter", exact=True)
    expect(field).to_be_focused()
    page.keyboard.type("shop RUNNING")
    expect(page.locator(".name:visible")).to_have_text(["shop", "shop-login"])
    expect(page.locator("#summary")).to_contain_text("2 of 6 shown")
    for words, names in {
        "stale": ["shop-old", "blog"],
        "passkeys": ["shop-login"],
        "10204": ["shop-search"],
        "mail": ["shop-login"],
    }.items():
        field.fill(words)
        expect(page.locator(".name:visible")).to_have_text(names)
    field.fill("nobody")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(rows(page)).to_have_count(6)
    expect(field).to_be_focused()
    page.keyboard.type("a/b")
    expect(field).to_have_value("a/b")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")
    expect(rows(page)).to_have_count(6)


def test_tab_goes_through_all_in_order_and_the_focus_is_visible(page: Page) -> None:
    seen = []
    for _ in range(7):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        seen.append(focused.get_attribute("aria-label") or focused.inner_text() or "Filter")
        style, width = focused.evaluate(OUTLINE)
        assert style == "solid"
        assert width >= 2
    assert seen == [
        "Filter",
        "Enter key",
        "http://localhost:10005",
        "Renew shop",
        "Down shop",
        "http://localhost:10104",
        "http://localhost:10107",
    ]


def test_renew_asks_for_the_key_once_and_keeps_it_in_this_tab_only(
    page: Page, tab: Watched, place: BoardPlace
) -> None:
    button(page, "Renew", "shop-search").focus()
    page.keyboard.press("Enter")
    asked = page.get_by_role("dialog", name="API key")
    expect(asked).to_contain_text("Whatever changes something needs a key")
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    give_key(page, "wröng ☃")
    expect(asked).to_contain_text("The server does not know that key.")
    give_key(page)
    expect(asked).to_be_hidden()
    expect(row(page, "shop-search")).to_contain_text("2 h")
    expect(button(page, "Renew", "shop-search")).to_be_focused()
    button(page, "Renew", "agent-7").click()
    expect(row(page, "agent-7")).to_contain_text("2 h")
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []
    assert KEY not in page.content()
    tab.open(page.url)
    expect(page.get_by_role("button", name="Forget key")).to_be_visible()
    page.get_by_role("button", name="Forget key").click()
    assert page.evaluate("sessionStorage.length") == 0
    place.put("other", minutes=3)
    button(page, "Renew", "other").click()
    expect(asked).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "other")).to_contain_text("Not done: it needs a key.")


def test_a_server_without_keys_takes_the_one_that_it_has_made(
    tab: Watched, place: BoardPlace
) -> None:
    with place.serving(keys="") as server:
        page = tab.open(server.url)
        button(page, "Renew", "shop-search").click()
        expect(page.get_by_role("dialog", name="API key")).to_be_visible()
        (made,) = place.shell.state.glob("api-key-*")
        give_key(page, made.read_text().strip())
        expect(row(page, "shop-search")).to_contain_text("2 h")


def test_release_is_confirmed_and_what_is_wrong_is_shown_with_what_to_do(
    page: Page, tab: Watched
) -> None:
    page.get_by_role("button", name="Enter key").click()
    give_key(page)
    button(page, "Release", "shop-search").click()
    asked = page.get_by_role("dialog", name="Release the ports?")
    expect(asked).to_contain_text("/home/you/shop-search")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    expect(button(page, "Release", "shop-search")).to_be_focused()
    assert not [each for each in tab.asked if each.endswith("/ports/release")]
    page.keyboard.press("Enter")
    asked.get_by_role("button", name="Release").click()
    problem = row(page, "shop-search").get_by_role("alert")
    expect(problem).to_contain_text("still has 2 containers")
    expect(problem).to_contain_text("Down removes them and releases the ports")
    expect(problem).to_contain_text("(stack_left)")
    assert tab.problems() == []


def test_a_dialog_s_answer_is_for_what_it_was_opened_for(page: Page, tab: Watched) -> None:
    page.get_by_role("button", name="Enter key").click()
    give_key(page)
    expect(page.get_by_role("button", name="Forget key")).to_be_visible()
    # Faster than the browser tells that the first dialog is closed.
    page.evaluate("""() => {
        const click = (what) => document.querySelector(what).click();
        click("[aria-label='Release shop-old']");
        click("#confirm [value='']");
        click("[aria-label='Release agent-7']");
        click("#confirm-yes");
    }""")
    expect(row(page, "agent-7")).to_have_count(0)
    expect(row(page, "shop-old")).to_have_count(1)
    assert len([each for each in tab.asked if each.endswith("/ports/release")]) == 1


def test_the_focus_stays_near_what_was_released(page: Page) -> None:
    page.get_by_role("button", name="Enter key").click()
    give_key(page)
    for name, focused in {"shop-old": "Renew blog", "agent-7": "Renew blog"}.items():
        button(page, "Release", name).click()
        page.get_by_role("dialog").get_by_role("button", name="Release").click()
        expect(row(page, name)).to_have_count(0)
        expect(page.locator(":focus")).to_have_attribute("aria-label", focused)


def test_down_takes_the_stack_down(page: Page, place: BoardPlace) -> None:
    page.get_by_role("button", name="Enter key").click()
    give_key(page)
    button(page, "Down", "shop-search").click()
    asked = page.get_by_role("dialog", name="Take the stack down?")
    expect(asked).to_contain_text("Volumes stay")
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    button(page, "Down", "shop-search").click()
    asked.get_by_role("button", name="Down").click()
    expect(row(page, "shop-search")).to_have_count(0)
    (call,) = [call for call in place.docker.calls if call.endswith(" down")]
    assert "--volumes" not in call


def test_a_lease_alone_has_no_stack_to_take_down(page: Page) -> None:
    expect(button(page, "Down", "agent-7")).to_be_hidden()
    expect(button(page, "Release", "agent-7")).to_be_visible()
    expect(button(page, "Release", "shop")).to_be_hidden()
    expect(button(page, "Down", "shop")).to_be_visible()


def test_changes_are_spoken_and_minutes_are_not(page: Page, place: BoardPlace) -> None:
    spoken = page.get_by_role("status")
    expect(spoken).to_have_text("")
    cell = row(page, "agent-7").locator(".lease")
    before = cell.inner_text()
    expect(cell).not_to_have_text(before)
    expect(spoken).to_have_text("")
    place.put("/home/you/shop/.git", "stopped", worktree="/home/you/shop", branch="main")
    expect(spoken).to_have_text("shop: stopped")


# Where it is used


@pytest.mark.usefixtures("place")
def test_on_a_phone_rows_are_cards(browser: Browser, server: Server) -> None:
    with watched(browser, viewport=PHONE, has_touch=True) as tab:
        page = tab.open(server.url)
        expect(rows(page)).to_have_count(6)
        for width in (320, 640, 641, 800, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        name = page.locator(".name").nth(1).bounding_box()
        assert name is not None
        assert name["width"] > 300
        assert (
            page.locator("#rows tr").nth(0).evaluate("(n) => getComputedStyle(n).display")
            == "block"
        )
        for each in page.locator("#rows button:visible").all():
            box = each.bounding_box()
            assert box is not None
            assert box["height"] >= 44
        # Screen readers still see a table.
        expect(page.get_by_role("table")).to_have_count(1)
        expect(page.get_by_role("cell")).to_have_count(24)
        expect(page.get_by_role("rowheader")).to_have_count(6)
        assert tab.problems() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_a_light_and_a_dark_side(
    browser: Browser, server: Server, place: BoardPlace, scheme: str
) -> None:
    with watched(browser, color_scheme=scheme) as tab:
        page = tab.open(server.url)
        expect(rows(page)).to_have_count(6)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        red = int(ground.removeprefix("rgb(").split(",")[0])
        assert red > 200 if scheme == "light" else red < 50
        assert tab.problems() == []
        page.get_by_label("Filter", exact=True).fill("nobody")
        assert tab.problems() == []
        page.get_by_role("button", name="Clear the filter").click()
        page.get_by_role("button", name="Enter key").click()
        assert tab.problems() == []
        page.keyboard.press("Escape")
        button(page, "Down", "shop").click()
        assert tab.problems() == []
        page.keyboard.press("Escape")
        place.lose_engine()
        expect(page.locator(".badge").filter(has_text="unknown")).to_have_count(6)
        assert tab.problems() == []


def test_less_motion_where_that_is_wished(
    browser: Browser, server: Server, place: BoardPlace
) -> None:
    moving = "document.getAnimations().length"
    for wish, moves in {"reduce": False, "no-preference": True}.items():
        place.put("/home/you/shop/.git", worktree="/home/you/shop", branch="main")
        with watched(browser, reduced_motion=wish) as tab:
            page = tab.open(server.url)
            expect(row(page, "shop")).to_contain_text("running")
            place.put("/home/you/shop/.git", "stopped", worktree="/home/you/shop", branch="main")
            expect(row(page, "shop")).to_contain_text("stopped")
            assert bool(page.evaluate(moving)) is moves


def test_a_connection_that_is_lost_is_shown_and_comes_back(tab: Watched, place: BoardPlace) -> None:
    with place.serving() as first:
        page = tab.open(first.url)
        expect(page.get_by_text("Live")).to_be_visible()
        port = str(httpx.URL(first.url).port)
        first.end()
        expect(page.get_by_text("Connection lost")).to_be_visible()
        expect(page.locator("#trouble")).to_contain_text("trying again")
        expect(rows(page)).to_have_count(6)
        assert tab.problems() == []
        button(page, "Renew", "shop").click()
        expect(row(page, "shop")).to_contain_text("The server did not answer.")
    place.drop("agent-7")
    with place.serving("--port", port):
        expect(page.get_by_text("Live")).to_be_visible()
        expect(page.locator("#trouble")).to_be_hidden()
        expect(rows(page)).to_have_count(5)


def test_where_others_reach_it_the_page_asks_for_the_key(tab: Watched, place: BoardPlace) -> None:
    with place.serving("--host", "0.0.0.0") as server:
        url = f"http://127.0.0.1:{httpx.URL(server.url).port}"
        for path in FILES:
            answer = httpx.get(url + path)
            assert answer.status_code == 200
            assert "shop" not in answer.text
        for path in ("/ports/status", "/events", "/docs", "/page.js/x", "//", "/page"):
            assert httpx.get(url + path).status_code == 401
        page = tab.open(url)
        asked = page.get_by_role("dialog", name="API key")
        expect(asked).to_be_visible()
        assert tab.problems() == []
        page.keyboard.press("Escape")
        expect(page.locator("#connection")).to_have_text("No key")
        assert tab.problems() == []
        page.get_by_role("button", name="Enter key").click()
        give_key(page, "wrong")
        expect(asked).to_contain_text("The server does not know that key.")
        give_key(page)
        expect(rows(page)).to_have_count(6)
        button(page, "Renew", "agent-7").click()
        expect(row(page, "agent-7")).to_contain_text("2 h")


# What it is made of


@pytest.mark.parametrize("path", FILES)
def test_the_files_may_do_nothing_but_what_they_do(server: Server, path: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for scheme in ("http:", "https:", "//"):
        named = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert f'="{scheme}' not in named
        assert f"url({scheme}" not in named


def test_its_script_makes_no_html_of_what_it_shows() -> None:
    text = dashboard.content("page.js").decode()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in text
