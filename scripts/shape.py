#!/usr/bin/env python3
"""Measure the shape of the package: sizes, imports inside functions, parameters, repeated names.

Exit code 1 if a figure is over its bound. A change that makes the package smaller lowers its
bounds. Only new behaviour raises one, and its commit shows by how much.
"""

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "composeports"
MANY_PARAMETERS = 7
# The parts of the package that talk to people and programs; the others get what they need passed.
INTERFACES = frozenset({"__main__.py", "cli", "pytest_plugin", "servers"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Modules = dict[Path, ast.Module]


def main() -> int:
    """Print each figure and its bound."""
    modules = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
    too_high = 0
    for name, (measure, bound) in FIGURES.items():
        figure = measure(modules)
        too_high += figure > bound
        word = "BROKEN" if figure > bound else "kept"
        print(f"{word:7}{name:40}{figure:>8} (at most {bound})")
    return 1 if too_high else 0


def lines_of(path: Path) -> int:
    """Return the number of lines of a module."""
    return len(path.read_text().splitlines())


def functions_of(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield all functions and methods of a module, nested ones too."""
    return (node for node in ast.walk(module) if isinstance(node, FUNCTIONS))


def imports_inside(module: ast.Module) -> set[int]:
    """Return the lines of the imports that stand inside of functions."""
    return {
        node.lineno
        for function in functions_of(module)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of a function's parameters."""
    arguments = function.args
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)


def mentioning(expression: str) -> Callable[[Modules], int]:
    """Return a measure: how many modules mention an attribute such as `os.environ`."""
    owner, _, name = expression.partition(".")

    def mentions(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and node.attr == name
            and isinstance(node.value, ast.Name)
            and node.value.id == owner
        )

    return lambda modules: sum(any(map(mentions, ast.walk(tree))) for tree in modules.values())


def below_interfaces(measure: Callable[[Modules], int]) -> Callable[[Modules], int]:
    """Return the same measure for the modules that are not part of an interface."""

    def is_below(path: Path) -> bool:
        return path.relative_to(PACKAGE).parts[0] not in INTERFACES

    return lambda modules: measure({path: modules[path] for path in filter(is_below, modules)})


def class_names_used_twice(modules: Modules) -> int:
    """Return how many names belong to classes of more than one module."""
    bodies = (tree.body for tree in modules.values())
    names = Counter(node.name for body in bodies for node in body if isinstance(node, ast.ClassDef))
    return sum(count > 1 for count in names.values())


def longest_function(modules: Modules) -> int:
    """Return the lines of the longest function."""
    return max(
        (function.end_lineno or function.lineno) - function.lineno + 1
        for tree in modules.values()
        for function in functions_of(tree)
    )


def wide_functions(modules: Modules) -> int:
    """Return how many functions have many parameters."""
    return sum(
        parameters_of(function) >= MANY_PARAMETERS
        for tree in modules.values()
        for function in functions_of(tree)
    )


FIGURES: dict[str, tuple[Callable[[Modules], float], float]] = {
    "lines": (lambda modules: sum(map(lines_of, modules)), 45_270),
    "modules": (len, 384),
    "longest module": (lambda modules: max(map(lines_of, modules)), 435),
    "median module": (lambda modules: statistics.median(map(lines_of, modules)), 94.5),
    "longest function": (longest_function, 75),
    "imports inside functions": (
        lambda modules: sum(len(imports_inside(tree)) for tree in modules.values()),
        193,
    ),
    "modules with imports inside functions": (
        lambda modules: sum(bool(imports_inside(tree)) for tree in modules.values()),
        76,
    ),
    f"functions with {MANY_PARAMETERS} or more parameters": (wide_functions, 20),
    "class names used twice": (class_names_used_twice, 5),
    "modules that read os.environ": (mentioning("os.environ"), 25),
    "of these below the interfaces": (below_interfaces(mentioning("os.environ")), 1),
    "modules that call os.replace": (mentioning("os.replace"), 1),
    "modules that lock files with fcntl": (mentioning("fcntl.flock"), 1),
}


if __name__ == "__main__":
    sys.exit(main())
