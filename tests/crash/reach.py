"""What the product can write outside of a worker, read from its source.

From the functions of the web process, and from those of the desk, calls are followed by module and
name; a method is looked for in the modules that the caller's file imports. Nothing is run.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.play import ROOT

PACKAGES = ("starter", "activities", "store", "domain")
DESK = ("starter/commands/", "starter/desk/", "starter/screen/")
OTHERS = tuple(
    f"starter/commands/{name}.py" for name in ("serve", "worker", "dev", "demo", "simulate")
)
"""Commands that are no person's: the processes themselves."""
READS = ("activities/previews", "domain/month_ledger.py")
"""What is shown is rolled back, always; what is compared is reckoned anew and not posted."""
REHEARSED = ("starter/simulate/", "starter/demo/", "starter/dev.py", "starter/rehearsal.py")
WEB = ("starter/web.py", "starter/pay_", "starter/shim.py", "starter/unsubscribe.py")
WIRING = "starter/wiring.py"
"""Who imports it holds what it imports."""
_WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) ([a-z_]+)")


@dataclass
class Module:
    """One file: what its names mean, and what it defines."""

    path: str
    imports: dict[str, str] = field(default_factory=dict)
    """Local name -> `package/module.py` or `package/module.py:name`."""
    functions: dict[str, list[ast.AST]] = field(default_factory=dict)
    """Name of a function or a method, or of a class for its own making -> its bodies."""
    constants: dict[str, str] = field(default_factory=dict)


def _file(dotted: str) -> str | None:
    for name in (f"{dotted.replace('.', '/')}.py", f"{dotted.replace('.', '/')}/__init__.py"):
        if (ROOT / name).exists():
            return name
    return None


@functools.cache
def modules() -> dict[str, Module]:
    """Every file of the product by its path."""
    files = [one for name in PACKAGES for one in sorted((ROOT / name).rglob("*.py"))]
    return {str(one.relative_to(ROOT)): _read(one) for one in files}


def _read(file: Path) -> Module:
    found = Module(str(file.relative_to(ROOT)))
    for one in ast.walk(ast.parse(file.read_text())):
        if isinstance(one, ast.ImportFrom) and one.module and one.module.startswith(PACKAGES):
            for alias in one.names:
                whole = _file(f"{one.module}.{alias.name}")
                part = _file(one.module)
                target = whole or (f"{part}:{alias.name}" if part else None)
                if target:
                    found.imports[alias.asname or alias.name] = target
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            found.functions.setdefault(one.name, []).append(one)
        elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            words = [n.value for n in ast.walk(one.value) if isinstance(n, ast.Constant)]
            found.constants[one.targets[0].id] = " ".join(w for w in words if isinstance(w, str))
    return found


Name = tuple[str, str]
"""File and function."""


def _called(at: Name) -> Iterator[Name]:
    here = modules()[at[0]]
    for body in here.functions.get(at[1], []):
        for one in ast.walk(body):
            if isinstance(one, ast.Attribute):
                yield from _of_attribute(here, one)
            elif isinstance(one, ast.Name):
                yield from _of_name(here, one.id)


def _of_name(here: Module, name: str) -> Iterator[Name]:
    if name in here.functions:
        yield here.path, name
    target = here.imports.get(name, "")
    if ":" in target:
        file, _, there = target.partition(":")
        yield file, there


def _of_attribute(here: Module, one: ast.Attribute) -> Iterator[Name]:
    owner = one.value.id if isinstance(one.value, ast.Name) else ""
    if owner in here.imports and ":" not in here.imports[owner]:
        yield here.imports[owner], one.attr
        return
    files = {here.path, *_imported(here)}
    if WIRING in files:
        files |= _imported(modules()[WIRING])
    for file in sorted(files):
        if not file.startswith(("store/", "domain/")):
            yield file, one.attr


def _imported(here: Module) -> set[str]:
    return {target.partition(":")[0] for target in here.imports.values()}


def _defined(at: Name) -> Name:
    """Where a name is defined that a file only hands on."""
    while at[0] in modules() and at[1] not in modules()[at[0]].functions:
        target = modules()[at[0]].imports.get(at[1], "")
        if ":" not in target:
            break
        file, _, name = target.partition(":")
        at = file, name
    return at


def reached(roots: Iterable[str]) -> set[Name]:
    """Every function that one of the files whose path begins so can come to."""
    todo = [
        (path, name)
        for path, module in modules().items()
        if path.startswith(tuple(roots)) and path not in OTHERS
        for name in module.functions
    ]
    seen: set[Name] = set()
    while todo:
        at = _defined(todo.pop())
        if at in seen or at[0] not in modules() or at[0].startswith((*READS, *REHEARSED)):
            continue
        seen.add(at)
        todo.extend(_called(at))
    return {at for at in seen if at[1] in modules()[at[0]].functions}


def tables(roots: Iterable[str]) -> dict[str, set[Name]]:
    """Table -> the functions that write it."""
    found: dict[str, set[Name]] = {}
    for file, name in reached(roots):
        module = modules()[file]
        for body in module.functions[name]:
            for n in ast.walk(body):
                text = n.value if isinstance(n, ast.Constant) else None
                text = module.constants.get(n.id) if isinstance(n, ast.Name) else text
                for table in _WRITES.findall(text if isinstance(text, str) else ""):
                    found.setdefault(table, set()).add((file, name))
    return found


def words(file: str, name: str) -> set[str]:
    """The texts in a function."""
    bodies = modules()[file].functions[name]
    found = (n.value for body in bodies for n in ast.walk(body) if isinstance(n, ast.Constant))
    return {word for word in found if isinstance(word, str)}


def builders(roots: Iterable[str]) -> set[Name]:
    """The functions that make entries."""
    return {at for at in reached(roots) if at[0].startswith("domain/entries")}
