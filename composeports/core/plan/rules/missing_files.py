"""Files that the Compose file names and that do not exist, and variables without a value."""

from collections.abc import Iterator

from composeports.core.environment import shell_word
from composeports.core.folders import is_within
from composeports.core.plan.change import MissingFile, RuleResult
from composeports.core.plan.host_facts import MissingPath
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.folders import ENGINE_SOCKETS, OF_THE_HOST
from composeports.core.plan.rules.wording import listed, quoted


def missing_files(context: PlanContext) -> RuleResult:
    """Say which files the worktree lacks, which of them the main checkout has, and how to copy.

    Warn about variables that have no value here and one in the main checkout's `.env`.
    """
    warnings = tuple(_variables(context))
    missing = (*_files(context), *(() if warnings else _env_file(context)))
    return RuleResult(missing=missing, warnings=warnings)


def _files(context: PlanContext) -> Iterator[MissingFile]:
    for missing in context.host_facts.missing:
        users = {
            service.name: mount.makes_source
            for service in context.project.services
            for mount in service.mounts
            if mount.kind == "bind" and mount.source == missing.path
        }
        is_made = any(users.values()) and not _is_of_the_host(missing.path)
        if users and missing.is_replaced:
            why = (
                f"{missing.path} ({listed(users)}) is an empty folder, and a file in the main "
                f"checkout: {way(missing, is_made=True)}; then `composeports up --force-recreate`"
            )
            yield MissingFile("mount", missing.path, tuple(users), missing.main, why)
        elif users and (is_made or missing.main):
            why = f"{missing.path} ({listed(users)}) does not exist"
            if missing.main:
                why += f", and the main checkout has it: {way(missing, is_made=is_made)}"
            if is_made:
                why += "; the engine makes an empty folder there, owned by the engine's user"
            if not missing.main:
                why += ": make what is to be mounted before, or set `create_host_path: false`"
            yield MissingFile("mount", missing.path, tuple(users), missing.main, why)
        elif not users and missing.main:
            kind = "file" if missing.path in context.project.handed_files.values() else "env_file"
            why = f"{missing.path} does not exist, and the main checkout has it: {way(missing)}"
            yield MissingFile(kind, missing.path, (), missing.main, why)


def _is_of_the_host(path: str) -> bool:
    return path.endswith(ENGINE_SOCKETS) or any(is_within(path, folder) for folder in OF_THE_HOST)


def _env_file(context: PlanContext) -> Iterator[MissingFile]:
    env_file = context.host_facts.missing_env
    if env_file is not None and env_file.path:
        why = f"{env_file.path} does not exist, and the main checkout has it: {way(env_file)}"
        yield MissingFile("env_file", env_file.path, (), env_file.main, why)


def _variables(context: PlanContext) -> Iterator[str]:
    facts = context.host_facts
    names = sorted(name for name in facts.unset_variables if name not in context.fixed)
    if names and facts.missing_env is not None:
        verb = "has" if len(names) == 1 else "have"
        env_file = facts.missing_env
        remedy = way(env_file) if env_file.path else "add what is needed to this worktree's .env"
        yield f"{listed(names)} {verb} no value here, but one in {env_file.main}: {remedy}"


def way(missing: MissingPath, *, is_made: bool = False) -> str:
    """Return the phrase with the setting and the command that copy the path.

    With `is_made`, the engine may have made a folder in its place before the user reads this.
    """
    command = f"`{copy_command(missing, is_made=is_made)}` copies it"
    if not missing.pattern or missing.is_replaced:
        return command
    setting = f"copy = [{quoted(missing.pattern)}]"
    return f"with {setting} in composeports.toml, `up` copies it; {command} once"


def copy_command(missing: MissingPath, *, is_made: bool = False) -> str:
    """Return the line for a shell that copies the path from the main checkout."""
    if is_made:
        take_out = f"[ ! -d {shell_word(missing.path)} ] || rmdir {shell_word(missing.path)} && "
        return take_out + copy_command(missing)
    folder = missing.path.rpartition("/")[0]
    make_folder = "" if missing.has_parent else f"mkdir -p {shell_word(folder)} && "
    flags = "-Rp" if missing.is_folder else "-p"
    return f"{make_folder}cp {flags} {shell_word(missing.main)} {shell_word(missing.path)}"
