"""Imports modules that need an extra; if it is missing, the error names the install command."""

from importlib import import_module
from types import ModuleType

from composeports.errors import ExtraMissingError


def import_with_extra(module: str, extra: str) -> ModuleType:
    """Import a composeports module that needs the packages of an extra.

    Raise ExtraMissingError if one of these packages is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "composeports"}:
            raise
        raise ExtraMissingError(
            f"this command needs the extra `{extra}`, which is not installed ({missing} is "
            f"missing): pip install 'composeports[{extra}]'",
            hint=f"or, as composeports was installed: uv tool install 'composeports[{extra}]', "
            f"pipx install --force 'composeports[{extra}]'",
            extra=extra,
            missing=missing,
        ) from None
