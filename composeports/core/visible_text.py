"""Text in which every control character is an escape, so that a terminal only shows it."""


def visible(text: str) -> str:
    """Return the text with control characters as escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def visible_lines(text: object) -> str:
    """Return a text of several lines with control characters as escapes, as `visible` does."""
    return "\n".join(map(visible, str(text).split("\n")))
