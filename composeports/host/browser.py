"""Open a URL in the user's own browser, in a process outside of the repository's folder."""

import sys
from collections.abc import Mapping

from composeports.host.process import Run

# `-I`: Python imports no module from the working directory, and obeys no PYTHON* variable.
PYTHON = (sys.executable, "-I", "-c")
OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
OUTSIDE = "/"


def open_in_browser(run: Run, url: str, environ: Mapping[str, str], *, has_terminal: bool) -> bool:
    """Open the URL in the browser of `environ` (BROWSER), or of the desktop, and return True.

    Return False if there is no browser, or if it fails. Browsers for text are used only with a
    terminal. The browser starts in `/`, so that no relative path leads to a program of the
    repository; its output goes to stderr.
    """
    variables = {**environ, "PWD": OUTSIDE}
    if not has_terminal:
        variables.pop("TERM", None)  # without TERM, webbrowser knows no browser for text
    return not run((*PYTHON, OPEN, url), variables, cwd=OUTSIDE, out_to_stderr=True)
