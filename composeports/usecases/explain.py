"""Find the page of an error code, offline: the pages are inside of the installed package."""

from composeports.core.error_pages import ErrorPage, near_codes, parse_pages
from composeports.errors import UsageError
from composeports.host.bundled_files import read_bundled

PAGES = "docs/troubleshooting.md"


def error_pages() -> dict[str, ErrorPage]:
    """Return the pages of all error codes, sorted by exit code and name."""
    return parse_pages(read_bundled(PAGES).decode())


def explain(code: str) -> ErrorPage:
    """Return the page of an error code; UsageError for an unknown code names near ones."""
    pages = error_pages()
    if code in pages:
        return pages[code]
    codes = near_codes(code, pages)
    near_text = f"did you mean {', '.join(codes)}? " if codes else ""
    raise UsageError(
        f"there is no error code {code!r}",
        hint=f"{near_text}`composeports explain` lists all codes",
        near=list(codes),
    )
