"""The pages of the error codes, out of docs/troubleshooting.md."""

import pytest

from composeports.core.error_pages import near_codes, parse_pages

DOCUMENT = """\
# When something fails

| [`a_code`](#a_code) | 2 | First. |

## a_code

Exit code 2; HTTP status 400. First thing. It has
two lines.

See [the page](remote.md), or https://example.org.

## b_code

HTTP status 403. Second.

```sh
composeports
```

## c_code

Exit code 126, 127. Third.

## bare

"""


def test_each_section_is_a_page() -> None:
    pages = parse_pages(DOCUMENT)
    assert list(pages) == ["a_code", "b_code", "c_code", "bare"]
    page = pages["a_code"]
    assert page.summary == "First thing. It has two lines."
    assert page.text.startswith("a_code\n\nExit code 2; HTTP status 400. First thing.")
    assert page.text.endswith("See the page, or https://example.org.")
    assert page.as_dict() == {"code": "a_code", "summary": page.summary, "text": page.text}
    assert [pages[code].summary for code in ("b_code", "c_code", "bare")] == [
        "Second.",
        "Third.",
        "",
    ]
    assert pages["b_code"].text.endswith("```sh\ncomposeports\n```")


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("ports_available", ("no_ports_available",)),
        ("No-Ports-Available", ("no_ports_available",)),
        ("no_ports_avialable", ("no_ports_available",)),
        ("port", ("no_ports_available", "port_held")),
        ("", ()),
        ("zzz", ()),
    ],
)
def test_near_codes(code: str, near: tuple[str, ...]) -> None:
    assert near_codes(code, ["no_lease", "no_ports_available", "port_held"]) == near
