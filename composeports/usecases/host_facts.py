"""Collect what a plan needs to know of the host: paths, the checkout, other projects, scripts."""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from composeports.config import find_settings
from composeports.core.compose_project import Build, Project
from composeports.core.compose_reader import read_project
from composeports.core.image_names import full_name
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.plan.default_names import images, project_name_in
from composeports.core.plan.external_networks import with_own_networks
from composeports.core.plan.host_facts import (
    Checkout,
    HostFacts,
    NetworkMember,
    PublishedElsewhere,
    ScriptBuild,
    ScriptCall,
    SiblingProject,
)
from composeports.core.plan.rules.base_images import names_built_image
from composeports.core.plan.rules.images import built_names, unbuilt_images
from composeports.core.plan.rules.networks import session_network
from composeports.core.plan.rules.volumes import session_volume
from composeports.core.project_name import project_prefix
from composeports.core.session import project_name
from composeports.docker.compose_cli import EVERY_PROFILE, Compose
from composeports.docker.compose_files import Selection, known_variables, select_files
from composeports.docker.compose_projects import default_name, find_projects
from composeports.docker.compose_texts import own_texts
from composeports.docker.containers import Container
from composeports.docker.features import has_named_contexts
from composeports.errors import UnsafeFileError
from composeports.host.git import link_of, main_git_dir, other_checkouts
from composeports.host.process import Running
from composeports.regular_file import read_regular
from composeports.usecases.mounted_texts import mounted_texts
from composeports.usecases.session import Session

# The maximum number of other projects to ask Compose for. No known worktree has more candidates.
MOST_SIBLINGS = 12


def collect_host_facts(
    session: Session, project: Project, containers: tuple[Container, ...] | None
) -> HostFacts:
    """Return the facts that decide what the project shares with other projects.

    Ask neither Compose nor the engine if the project names no host path and nothing external, and
    if no Dockerfile names an image that another service builds.
    """
    paths = dict(_real_paths(project)) if session.context.engine.is_local else {}
    external_names = _external(project)
    calls, builds = _in_scripts(session, project)
    plain_projects = _plain_projects(session)
    dockerfiles = dict(_dockerfiles(session, project, plain_projects))
    engine = session.context.engine
    facts = HostFacts(
        calls=calls,
        builds=builds,
        published=tuple(_published(session, containers or ())),
        plain_projects=plain_projects,
        dockerfiles=dockerfiles,
        named_contexts=not dockerfiles or has_named_contexts(engine, session.environ),
        handed_values=_handed_values(session, project),
        file_texts=dict(mounted_texts(project, session.place.worktree or session.place.directory)),
    )
    if not paths and not any(external_names.values()):
        return facts
    siblings = tuple(_siblings(session, external_names, containers))
    network_names = external_names["network"] - {sibling.name for sibling in siblings}
    members = _members(session, network_names, containers or ())
    checkout = _checkout(session) if paths else Checkout()
    return facts._replace(paths=paths, members=members, siblings=siblings, checkout=checkout)


def _handed_values(session: Session, project: Project) -> dict[str, str]:
    """Return the texts that configs and secrets get from variables, by path."""
    if not project.handed_variables:
        return {}
    values = known_variables(session.selection.env_files, session.environ)
    return {path: values.get(name, "") for path, name in project.handed_variables.items()}


def _real_paths(project: Project) -> Iterator[tuple[str, str]]:
    for path in project.places:
        yield path, os.path.realpath(path)


def _dockerfiles(
    session: Session, project: Project, plain_projects: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield service and text of every Dockerfile that names an image of another service."""
    fixed_names = built_names(project) if session.settings.isolate_images else ()
    default_names = (name for name, _ in images(project, plain_projects, ""))
    names = {full_name(name) for name in (*fixed_names, *default_names)}
    if not names:
        return
    for service in project.services:
        text = _dockerfile(service.build) if service.build else ""
        if text and names_built_image(service, text, names):
            yield service.name, text


def _dockerfile(build: Build) -> str:
    """Return the text of a build's Dockerfile; empty if it cannot be read or is on another host."""
    if build.dockerfile_inline:
        # Compose shows every `$` of a value doubled.
        return build.dockerfile_inline.replace("$$", "$")
    path = os.path.join(build.context, build.dockerfile or "Dockerfile")
    if path[:1] != "/":
        return ""
    try:
        return read_regular(path, follow=True).decode("utf-8-sig", "replace")
    except (OSError, UnsafeFileError):
        return ""


def _published(session: Session, containers: Iterable[Container]) -> Iterator[PublishedElsewhere]:
    """Yield the host ports that running containers of other Compose projects publish."""
    for container in containers:
        if container.is_running and container.project not in {"", session.queries.project}:
            for port, _, _ in container.ports:
                yield PublishedElsewhere(port, container.project, container.name)


def _in_scripts(
    session: Session, project: Project
) -> tuple[tuple[ScriptCall, ...], tuple[ScriptBuild, ...]]:
    """Return the docker calls in scripts of the worktree, and the images that scripts build.

    Of the images only those count that services run and that are the same in every session.
    """
    if not project.services:
        return (), ()
    from composeports.core.script_findings import (  # noqa: PLC0415 - not for `down`
        docker_calls,
        image_builds,
    )
    from composeports.host.script_text import scripts_in  # noqa: PLC0415 - not for `down`

    images = set(unbuilt_images(project))
    directory = session.place.directory
    calls, builds = list[ScriptCall](), list[ScriptBuild]()
    for path, text in scripts_in(
        folder for folder in (session.place.worktree, directory) if folder
    ):
        relative_path = os.path.relpath(path, directory)
        for line, words in docker_calls(text):
            calls.append(ScriptCall(f"{relative_path}:{line}", words))
        for build in image_builds(text, images):
            builds.append(ScriptBuild(f"{relative_path}:{build.line}", build.image))
    return tuple(calls), tuple(builds)


def _plain_projects(session: Session) -> tuple[str, ...]:
    """Return the project names that plain Compose gives the files, here and in the main checkout.

    COMPOSE_PROJECT_NAME comes first, then `name` in the files, then the names of the folders.
    """
    selection, place = session.selection, session.place
    name = {**selection.variables, **session.environ}.get("COMPOSE_PROJECT_NAME", "")
    name = name or project_name_in(own_texts(selection.files) or ())
    if name:
        return (name,)
    folders = [place.directory]
    main_dir = main_git_dir(place.git_dir) if place.git_dir else ""
    if os.path.basename(main_dir) == ".git":
        main_checkout = os.path.dirname(main_dir)
        relative_path = os.path.relpath(place.directory, place.worktree)
        folders.append(os.path.normpath(os.path.join(main_checkout, relative_path)))
    names = (default_name(folder) for folder in folders)
    return tuple(dict.fromkeys(name for name in names if name))


def _external(project: Project) -> dict[str, set[str]]:
    """Return the external network and volume names that are the same in every session, by kind."""
    networks = {network.name for network in project.networks if network.external}
    networks |= {service.network_by_mode for service in project.services}
    networks |= {service.build.joined_network for service in project.services if service.build}
    volumes = {volume.name for volume in project.volumes if volume.external}
    names_by_kind = {"network": networks, "volume": volumes}
    return {
        kind: {name for name in names if project.is_fixed(name)}
        for kind, names in names_by_kind.items()
    }


def _checkout(session: Session) -> Checkout:
    place = session.place
    if not place.git_dir:
        return Checkout()
    common_dir, checkouts = main_git_dir(place.git_dir), other_checkouts(place.git_dir)
    return Checkout(link_of(place.worktree), place.git_dir, common_dir, checkouts)


def _members(
    session: Session, networks: set[str], containers: Iterable[Container]
) -> dict[str, tuple[NetworkMember, ...]]:
    """Return the other projects on each network, with the host names of their containers."""
    own_project = session.queries.project
    peers = [
        container
        for container in containers
        if container.project != own_project and networks & {*container.networks}
    ]
    host_names = (
        session.context.engine.host_names(container.id for container in peers) if peers else {}
    )
    members: dict[str, dict[tuple[str, str], set[str]]] = {}
    for container in peers:
        for network in networks & {*container.networks}:
            names = members.setdefault(network, {}).setdefault(
                (container.project, container.directory), set()
            )
            names |= {
                container.service,
                container.name,
                *host_names.get(container.id, {}).get(network, ()),
            } - {""}
    return {
        network: tuple(
            NetworkMember(project, directory, frozenset(names))
            for (project, directory), names in sorted(projects.items())
        )
        for network, projects in members.items()
    }


class _Other(NamedTuple):
    """Another Compose project of the worktree, with two running `docker compose config` commands.

    `plain` uses the project name that plain Compose takes, `own` the name of its session.
    """

    directory: str
    project: str
    plain: Running
    own: Running


def _siblings(
    session: Session,
    external: dict[str, set[str]],
    containers: tuple[Container, ...] | None,
) -> Iterator[SiblingProject]:
    """Yield the external networks and volumes that another project of the worktree creates."""
    names = external["network"] | external["volume"]
    if not names or not session.place.worktree or not session.place.git_dir:
        return
    worktree = session.place.worktree
    leases = {
        lease.place.directory: lease
        for lease in session.context.store.known()
        if lease.place.worktree == worktree and lease.place.is_on(session.machine)
    }
    folders = dict.fromkeys((*find_projects(worktree, names), *leases))
    folders.pop(session.place.directory, None)
    other_projects = [_ask(session, folder, leases) for folder in [*folders][:MOST_SIBLINGS]]
    for other_project in other_projects:
        yield from _of_other(session, other_project, external, containers)


def _ask(session: Session, folder: str, known: Mapping[str, Lease]) -> _Other:
    """Start asking Compose for the project in a folder; do not wait for the answers."""
    place = session.place._replace(directory=folder)
    if session.given_session is None:
        record = session.context.store.get(place.session_id)
        project = record.project if record else sibling_project_name(session, place)
    else:
        record, project = known.get(folder), session.queries.project
    environ = {
        name: value for name, value in session.environ.items() if not name.startswith("COMPOSE_")
    }
    files = record.stack.files if record else ()
    selection = select_files(
        folder, environ, files=[path for path in files if os.path.exists(path)]
    )
    selection = Selection(folder, selection.files, selection.env_files, selection.variables)
    compose = Compose(selection, environ)
    plain_query, own_query = (
        compose.start_config(name, "--format", "json", profiles=EVERY_PROFILE)
        for name in ("", project)
    )
    return _Other(folder, project, plain_query, own_query)


def sibling_project_name(session: Session, place: WorktreeLocation) -> str:
    """Return the project name that the session of a location would get."""
    defaults = session.context.config.default_settings
    settings = find_settings(place.directory, place.worktree, defaults).settings
    prefix = project_prefix(settings.prefix, settings.naming, place.session_id, place)
    return project_name(place.session_id, prefix=prefix)


def _of_other(
    session: Session,
    other: _Other,
    external: Mapping[str, Collection[str]],
    containers: Iterable[Container] | None,
) -> Iterator[SiblingProject]:
    """Yield the external names that the other project creates; none if Compose fails."""
    plain_answer, own_answer = other.plain.finish(), other.own.finish()
    if plain_answer.code or own_answer.code:
        return
    settings = find_settings(other.directory, session.place.worktree).settings
    project = read_project(json.loads(own_answer.out))
    project = with_own_networks(project, settings)
    names = {
        (kind, key): name for kind, key, name in _made(read_project(json.loads(plain_answer.out)))
    }
    session_names = {
        **{
            ("network", network.key): session_network(network, project, other.project, settings)
            for network in project.networks
        },
        **{
            ("volume", volume.key): session_volume(volume, project, other.project, settings)
            for volume in project.volumes
        },
    }
    for (kind, key), name in names.items():
        if name not in external[kind] or (kind, key) not in session_names:
            continue
        sibling = SiblingProject(kind, name, session_names[kind, key], other.directory)
        yield _as_it_runs(sibling, other.project, containers)


def _made(project: Project) -> Iterator[tuple[str, str, str]]:
    """Yield kind, key and name of each network and volume that a project creates."""
    for network in project.networks:
        if not network.external:
            yield "network", network.key, network.name
    for volume in project.volumes:
        if not volume.external:
            yield "volume", volume.key, volume.name


def _as_it_runs(
    sibling: SiblingProject, project: str, containers: Iterable[Container] | None
) -> SiblingProject:
    """Return the sibling with the name and state that its containers show.

    If its session has no container and plain Compose started it from this worktree, `own_name` is
    plain Compose's name. If neither has a container, `is_up` is False.
    """
    if containers is None:
        return sibling
    all_containers = tuple(containers)
    if any(
        _is_of(container, project, sibling.own_name, sibling.kind) for container in all_containers
    ):
        return sibling
    folder_containers = (
        container
        for container in all_containers
        if os.path.realpath(container.directory or "/") == sibling.directory
    )
    if any(
        container.project != project
        and _is_of(container, container.project, sibling.name, sibling.kind)
        for container in folder_containers
    ):
        return sibling._replace(own_name=sibling.name)
    return sibling._replace(is_up=False)


def _is_of(container: Container, project: str, name: str, kind: str) -> bool:
    """Return True if a container belongs to the project and, for a network, is connected to it."""
    return container.project == project and (kind != "network" or name in container.networks)
