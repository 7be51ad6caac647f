"""Passwords in what people are shown: `user:password@` without the password."""

import re

# A digest, as in `app:1@sha256:...`, is no host; a path is no password.
CREDENTIALS = re.compile(
    r"""((?:^|//|(?<=[\s"'=,;(\[{]))[^\s"'=,;(\[{/@:]*:)[^\s/@]+(?:@[^\s/@]+)*@(?!sha\d+:)"""
)
MASK = "***"


def masked(text: str) -> str:
    """Return the text with `***` for each password that stands before a host."""
    return CREDENTIALS.sub(rf"\g<1>{MASK}@", text) if "@" in text else text
