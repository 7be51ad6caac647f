"""Check, with the independent observer, the state after a command that had to repair something."""

from collections import defaultdict
from collections.abc import Callable

from tests.faults.place import Tree
from tests.harness.program import Done

Found = dict[str, list[str]]


def after_up(tree: Tree, done: Done) -> Found:
    """There is one stack of the file's services, which answers as itself on its leased ports."""
    found: Found = defaultdict(list)
    if done.code:
        found["failed"].append(f"up: exit {done.code}: {done.err[-800:]}")
        return found
    row, engine = tree.row, tree.place.engine
    if row is None or not row.held:
        found["lost"].append(f"after up the lease is {row}")
        return found
    containers = engine.containers(row.project)
    states = sorted(each["State"] for each in containers)
    if states != ["running"] * len(tree.services):
        found["failed"].append(f"after up the containers are {states}")
    networks = engine.networks(row.project)
    if len(networks) != tree.networks:
        found["leaked"].append(f"after up there are {len(networks)} networks")
    published = sorted(engine.published(row.project).values())
    if published != sorted(row.ports.values()):
        found["lost"].append(f"leased are {dict(row.ports)}, published {published}")
    for port in (port for name, port in row.ports.items() if name.endswith(":80/tcp")):
        said = engine.page(port)
        if row.project not in said:
            found["failed"].append(f"port {port} of {row.project} says {said!r}")
    return found


def after_down(tree: Tree, done: Done) -> Found:
    """Nothing is left: no container, no network, no lease, no file of composeports."""
    found: Found = defaultdict(list)
    if done.code:
        found["failed"].append(f"down: exit {done.code}: {done.err[-800:]}")
        return found
    row, engine = tree.row, tree.place.engine
    if row is not None:
        found["lost"] += [f"after down the lease is held: {row}"] * row.held
        left = [each["Names"][0] for each in engine.containers(row.project)]
        left += [each["Name"] for each in engine.networks(row.project)]
        found["leaked"] += [f"{name} is left after down" for name in left]
    return {**found, "damaged": _leftover_files(tree)}


def after_allocate(tree: Tree, done: Done) -> Found:
    """The session holds a lease."""
    row = tree.row
    if done.code:
        return {"failed": [f"allocate: exit {done.code}: {done.err[-800:]}"]}
    return {} if row is not None and row.held else {"lost": [f"after allocate the lease is {row}"]}


def after_release(tree: Tree, done: Done) -> Found:
    """The session holds no lease."""
    row = tree.row
    if done.code:
        return {"failed": [f"release: exit {done.code}: {done.err[-800:]}"]}
    return {} if row is None or not row.held else {"lost": ["after release the lease is held"]}


def after_gc(_: Tree, done: Done) -> Found:
    """It has done its work without a complaint; what it may remove depends on the scenario."""
    return {"failed": [f"gc: exit {done.code}: {done.err[-800:]}"]} if done.code else {}


def after_link(tree: Tree, done: Done) -> Found:
    """Plain Compose uses the session's stack, and git does not report the file."""
    if done.code:
        return {"failed": [f"link: exit {done.code}: {done.err[-800:]}"]}
    env = tree.directory / ".env"
    if f"COMPOSE_PROJECT_NAME={tree.project}" not in env.read_text():
        return {"lost": ["after link .env does not name the project"]}
    return {} if tree.project in tree.place.exclusions else {"lost": ["git may show .env"]}


def after_unlink(tree: Tree, done: Done) -> Found:
    """composeports left no new file, and git's exclude list is as before."""
    if done.code:
        return {"failed": [f"unlink: exit {done.code}: {done.err[-800:]}"]}
    return {"damaged": _leftover_links(tree)}


def _leftover_links(tree: Tree) -> list[str]:
    left = [f"{path.name} is left" for path in tree.directory.glob(".env*")]
    excluded = "composeports link" in tree.place.exclusions
    return left + ["an entry of link is left in info/exclude"] * excluded


def _leftover_files(tree: Tree) -> list[str]:
    left = _leftover_links(tree)
    own = tree.directory / ".composeports"
    if own.exists():
        names = sorted(path.name for path in own.iterdir())
        left.append(f".composeports is left, with {names}")
    return left


AFTER: dict[str, Callable[[Tree, Done], Found]] = {
    "up": after_up,
    "down": after_down,
    "allocate": after_allocate,
    "release": after_release,
    "gc": after_gc,
    "link": after_link,
    "unlink": after_unlink,
}
