"""The page `/`: files as they are, without any data; what they show comes from the routes."""

from functools import cache
from importlib import resources

# What a browser asks for -> which file that is, and its type.
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
    """Return one of the files."""
    return resources.files(__name__).joinpath(name).read_bytes()
