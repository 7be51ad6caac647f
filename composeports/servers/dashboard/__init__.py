"""The page `/`: static files without any data; the page reads its data from the HTTP routes."""

from functools import cache
from importlib import resources

# Path in the URL -> file name and media type.
FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "page.svg": ("page.svg", "image/svg+xml"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@cache
def content(name: str) -> bytes:
    """Return the bytes of the file `name` in this package."""
    return resources.files(__name__).joinpath(name).read_bytes()
