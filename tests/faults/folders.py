"""What happens to folders: copied worktrees, moved repositories, lost submodules, half a skill."""

import random
import shutil
import subprocess
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.faults.checks import Found, after_down, after_gc, after_up
from tests.faults.kills import chosen_steps
from tests.faults.observer import contents
from tests.faults.place import WEB, Bystander, Place, Tree
from tests.faults.tally import Tally
from tests.harness.program import Done
from tests.harness.repository import Services
from tests.harness.store import rows

TRY_LATER = 75
DATA: Services = {"web": {**WEB["web"], "volumes": ["data:/data", ".:/code:ro"]}}

COPIES = {
    "cp -r": ("cp", "-r"),
    "cp -a": ("cp", "-a"),
    "cp -rL": ("cp", "-rL"),
    "tar": ("sh", "-c", 'mkdir "$1" && tar -C "$0" -cf - . | tar -C "$1" -xf -'),
}
PLACES = ("beside it", "inside the repository", "in a folder of its own")
ON_THE_COPY = ("up", "down -v -t 0", "down -t 0", "release", "env", "allocate", "gc", "link", "ps")
COPIED = (
    *(
        (way, where, command)
        for command, way, where in product(ON_THE_COPY, COPIES, PLACES)
        if not way.endswith("L") or where == "beside it"
    ),
    *((way, "of the main checkout", "up") for way in COPIES),
)
# A copy has no say in these, but they do what they do for everybody else.
FOR_EVERYBODY = frozenset({"gc"})


def copy_worktree(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Copy a worktree and run commands in the copy: the original's stack stays as it is."""
    tally = Tally("worktree copied", "copies")
    bystander, victim = Bystander.start(place), place.tree("victim")
    victim.describe(DATA, volumes={"data": {}})
    for number in chosen_steps(len(COPIED), tries, chance, only):
        way, where, command = COPIED[number - 1]
        main = where == "of the main checkout"
        original = place.main if main else victim
        tally.note(after_up(victim, victim.run("up")), "before")
        target = _target(place, victim, where, number)
        before = _stack(place, victim)
        target.parent.mkdir(exist_ok=True)
        subprocess.run([*COPIES[way], str(original.directory), str(target)], check=True)
        own = str(target / ".git") if main else victim.session_id
        copy = Tree(place, target, own)
        done = copy.run(*command.split())
        tally.tries += 1
        tally.faults += 1
        step = f"step {number}: {way} {where}, {command}"
        if main:
            tally.note(after_up(copy, done), step)
            tally.note(after_down(copy, copy.run("down", "-v", "-t", "0")), f"{step}, then down")
            copy.forget()
        elif command not in FOR_EVERYBODY and done.code != TRY_LATER:
            said = f"{command}: exit {done.code}, not {TRY_LATER}: {done.err[-400:]}"
            tally.note({"failed": [said]}, step)
        shutil.rmtree(target)
        if (now := _stack(place, victim)) != before:
            tally.note({"lost": [f"the original was {before} and is {now}"]}, step)
        tally.note(bystander.problems(), step)
        if number % 4 == 0:
            done = victim.run("down", "-v", "-t", "0")
            tally.note(after_down(victim, done), f"{step}, then the original's down")
    return tally


def _target(place: Place, victim: Tree, where: str, number: int) -> Path:
    if where == "inside the repository":
        # Not a file of the bystander's worktree: it may not change.
        return place.main.directory / ".git" / f"copy-{number}"
    folder = place.root / f"copy-{number}"
    return folder / victim.directory.name if where == "in a folder of its own" else folder


def _stack(place: Place, tree: Tree) -> tuple[object, ...]:
    """Return all that is the session's: lease, containers, networks, volumes, files."""
    project = tree.project
    containers = sorted((each["Id"], each["State"]) for each in place.engine.containers(project))
    networks = sorted(each["Id"] for each in place.engine.networks(project))
    volumes = sorted(place.engine.volumes(project))
    return tree.row, containers, networks, volumes, contents(tree.directory)


MOVES = (
    "the main checkout, git worktree repair",
    "the main checkout and back again",
    "everything, git worktree repair",
    "the worktree, git worktree move",
    "the worktree, mv and repair",
)
AFTER_MOVE = (("up", "gc", "down"), ("down", "gc"), ("gc", "up", "down"), ("up", "down", "gc"))
MOVED = tuple(product(MOVES, AFTER_MOVE))


def move_repository(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Move a repository whose linked worktree has a stack: there is one stack, and then none."""
    tally = Tally("repository moved", "moves")
    bystander = Bystander.start(place)
    for number in chosen_steps(len(MOVED), tries, chance, only):
        move, words = MOVED[number - 1]
        home = place.root / f"home-{number}-{tally.tries}"
        main = place.repository(f"{home.name}/shop")
        tree = place.tree(f"{home.name}/linked", main)
        before = {row.session_id for row in rows(place.state)}
        tally.note(after_up(tree, tree.run("up")), "before")
        row = tree.row
        now = _move(place, move, home, main, tree)
        tally.tries += 1
        tally.faults += 1
        step = f"step {number}: {move}"
        for word in words:
            done = now.run(*((word, "-t", "0") if word == "down" else (word,)))
            step += f", then {word}"
            if done.code:
                tally.note({"failed": [f"{word}: exit {done.code}: {done.err[-400:]}"]}, step)
        if words[-1] == "down":
            gone = now.run("gc")
            tally.note(after_gc(now, gone), f"{step}, then gc")
        left = _left_of_others(place, bystander, before)
        tally.note(left, step)
        # Where it is found again, its ports are those that it had.
        again = now.run("up")
        found = [each for each in rows(place.state) if each.session_id not in before and each.held]
        if again.code or [each.ports for each in found] != [row.ports if row else {}]:
            said = f"the lease was {row}; up: exit {again.code}, leases {found} {again.err[-300:]}"
            tally.note({"lost": [said]}, f"{step}, then up")
        now.run("down", "-t", "0")
        tally.note(bystander.problems(), step)
        _forget_all_but(place, before)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(home.with_name(f"{home.name}-moved"), ignore_errors=True)
    return tally


def _move(place: Place, move: str, home: Path, main: Tree, tree: Tree) -> Tree:
    """Apply the change, and return the worktree at its new path."""
    if move == "the worktree, git worktree move":
        place.git(main.directory, "worktree", "move", str(tree.directory), str(home / "moved"))
        return Tree(place, home / "moved", tree.session_id)
    if move == "the worktree, mv and repair":
        tree.directory.rename(home / "moved")
        place.git(main.directory, "worktree", "repair", str(home / "moved"))
        return Tree(place, home / "moved", tree.session_id)
    if move.startswith("everything"):
        far = home.with_name(f"{home.name}-moved")
        home.rename(far)
        place.git(far / "shop", "worktree", "repair", str(far / "linked"))
        return Tree(place, far / "linked", str(far / "shop" / ".git" / "worktrees" / "linked"))
    away = home / "shop-new"
    main.directory.rename(away)
    place.git(away, "worktree", "repair", str(tree.directory))
    if move.endswith("back again"):
        away.rename(main.directory)
        place.git(main.directory, "worktree", "repair", str(tree.directory))
        return tree
    return Tree(place, tree.directory, str(away / ".git" / "worktrees" / "linked"))


def _left_of_others(place: Place, bystander: Bystander, before: set[str]) -> Found:
    """Return the containers and held leases, except the bystander's."""
    projects = {row.project for row in rows(place.state)} - {bystander.row.project}
    leaked = [
        f"{each['Names'][0]} is left"
        for each in place.engine.containers()
        if each["Labels"]["com.docker.compose.project"] in projects
    ]
    held = [row for row in rows(place.state) if row.held and row.session_id not in before]
    return {"leaked": leaked, "lost": [f"{row} is still held" for row in held]}


def _forget_all_but(place: Place, sessions: set[str]) -> None:
    for row in rows(place.state):
        if row.session_id not in sessions:
            Tree(place, place.root, row.session_id).forget()


REMOVALS = ("git worktree remove", "git worktree remove and prune", "rm -r", "rm -r and prune")
NESTED = ("lib", "vendor/lib")
SUPER = ("its worktree has a stack, too", "the submodule alone has a stack")
EXPIRY = ("expired", "not expired")
SUBMODULES = tuple(product(REMOVALS, NESTED, SUPER, EXPIRY))


def lose_submodule(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Remove a worktree in whose submodule a stack runs: `gc` takes the stack away."""
    tally = Tally("submodule's worktree removed", "removals")
    bystander = Bystander.start(place)
    lib = place.repository("lib-source")
    for number in chosen_steps(len(SUBMODULES), tries, chance, only):
        removal, path, both, expiry = SUBMODULES[number - 1]
        name = f"super-{tally.tries}"
        main = place.repository(name)
        place.git(main.directory, "submodule", "add", "-q", str(lib.directory), path)
        place.commit(main.directory)
        tree = place.tree(f"{name}-linked", main)
        place.git(tree.directory, "submodule", "update", "--init", "-q")
        inner = Tree(place, tree.directory / path, f"{tree.session_id}/modules/{path}")
        trees = [inner, tree] if both == SUPER[0] else [inner]
        for each in trees:
            tally.note(after_up(each, each.run("up")), "before")
            if expiry == "expired":
                place.expire(each)
        if removal.startswith("git"):
            place.git(main.directory, "worktree", "remove", "--force", str(tree.directory))
        else:
            shutil.rmtree(tree.directory)
        if removal.endswith("prune"):
            place.git(main.directory, "worktree", "prune")
        tally.tries += 1
        tally.faults += 1
        step = f"step {number}: {removal}, {path}, {both}, {expiry}"
        done = main.run("gc")
        tally.note(after_gc(main, done), step)
        for each in trees:
            tally.note(after_down(each, Done(0, "", "")), f"{step}, then gc: {done.out}")
            _force_down(place, each)
            each.forget()
        tally.note(bystander.problems(), step)
    return tally


def _force_down(place: Place, tree: Tree) -> None:
    """Remove a stack that was left, so that the next try begins as the first one."""
    if not tree.project:
        return
    for each in place.engine.containers(tree.project):
        place.docker("rm", "-f", "-v", each["Id"])
    for each in place.engine.networks(tree.project):
        place.docker("network", "rm", each["Id"])


@dataclass(frozen=True)
class Skills:
    """A command that writes skills, and its folder."""

    words: tuple[str, ...]
    folder: str


INSTALLS = (
    Skills(("skills", "install", "--agent", "claude"), ".claude"),
    Skills(("skills", "install", "--agent", "gemini"), ".gemini"),
    Skills(("init", "--skills"), ".claude"),
)
HALVES = ("an empty folder", "a file is missing", "the marker alone")


def kill_skills(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """End the install of skills at each of its steps, or leave half a folder: again is enough."""
    tally = Tally("kill skills install", "kills")
    bystander, victim = Bystander.start(place), place.tree("victim")
    trace = place.root / "trace"
    whole, counts = {}, []
    for each in INSTALLS:
        done = victim.traced(*each.words, trace=trace)
        assert done.code == 0, f"{each.words} failed: {done.err}"
        whole[each] = _skills(victim)
        counts.append(len(trace.read_text().splitlines()))
        _remove_skills(victim)
    steps = [
        *(
            (each, str(step + 1))
            for each, count in zip(INSTALLS, counts, strict=True)
            for step in range(count)
        ),
        *product(INSTALLS, HALVES),
    ]
    for number in chosen_steps(len(steps), tries, chance, only):
        each, harm = steps[number - 1]
        if harm.isdecimal():
            victim.traced(*each.words, trace=trace, kill=int(harm))
            what = f"killed before {trace.read_text().splitlines()[-1]}"
        else:
            victim.run(*each.words)
            _halve(victim.directory / each.folder / "skills", harm, chance)
            what = harm
        tally.tries += 1
        tally.faults += 1
        where = f"step {number}: {' '.join(each.words)}, {what}"
        done = victim.run(*each.words)
        if done.code:
            tally.note({"failed": [f"again: exit {done.code}: {done.err[-400:]}"]}, where)
        elif (now := _skills(victim)) != whole[each]:
            differing = sorted(
                name for name in {*now, *whole[each]} if now.get(name) != whole[each].get(name)
            )
            tally.note({"damaged": [f"after it differ {differing}"]}, where)
        _remove_skills(victim)
        tally.note(bystander.problems(), where)
    return tally


def _skills(tree: Tree) -> dict[str, bytes]:
    return {
        name: text
        for name, text in contents(tree.directory).items()
        if "skills" in Path(name).parts
    }


def _remove_skills(tree: Tree) -> None:
    for name in (".claude", ".codex", ".gemini", ".agents"):
        shutil.rmtree(tree.directory / name, ignore_errors=True)


def _halve(skills: Path, harm: str, chance: random.Random) -> None:
    """Leave one skill in the state in which a killed earlier version left it."""
    folder = chance.choice(sorted(each for each in skills.iterdir() if each.is_dir()))
    files = [path for path in folder.rglob("*") if path.is_file()]
    shown = sorted(path for path in files if not path.name.startswith("."))
    if harm == "an empty folder":
        shutil.rmtree(folder)
        folder.mkdir()
        return
    for path in [chance.choice(shown)] if harm == "a file is missing" else shown:
        path.unlink()
