"""Passwords in text for users: `user:password@` is shown without the password."""

import re

# A digest, as in `app:1@sha256:...`, is not a host, and a path is not a password.
CREDENTIALS = re.compile(
    r"""((?:^|//|(?<=[\s"'=,;(\[{]))[^\s"'=,;(\[{/@:]*:)[^\s/@]+(?:@[^\s/@]+)*@(?!sha\d+:)"""
)
MASK = "***"


def masked(text: str) -> str:
    """Return the text with `***` in place of each password before a host."""
    return CREDENTIALS.sub(rf"\g<1>{MASK}@", text) if "@" in text else text
