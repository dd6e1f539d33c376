"""What the workflow code asks of Temporal, in source order, as text that a reviewer can read.

    python -m tests.replay.fingerprints        shows what differs from the baseline
    python -m tests.replay.fingerprints write  accepts it

Replay passes when a timer's length, an activity's arguments or a handler's name changes; this
does not. A method's fingerprint lists its awaits and its commands, the helper modules included.
"""

import ast
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from temporalio import workflow

from worker import WORKFLOWS

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "workflows"
BASELINE = Path(__file__).parent / "fingerprints.json"

_COMMANDS = frozenset({"upsert_search_attributes", "enter", "set_current_details", "patched"})
"""Calls that matter although nobody awaits them."""

_WAITS = frozenset({"sleep", "wait", "wait_condition"})
"""Calls whose arguments count too: how long, and for what."""

Fingerprints = dict[str, list[str]]


def current() -> Fingerprints:
    """Fingerprints of every function in workflows/ that reaches a command, and all handlers."""
    found: Fingerprints = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text())
        for name, function in _functions(tree):
            commands = list(_commands(function.body))
            if any(not line.lstrip().startswith(("if ", "while ", "for ")) for line in commands):
                found[f"{path.stem}.{name}"] = commands
        constants = [ast.unparse(node) for node in tree.body if _is_option(node)]
        if constants:
            found[f"{path.stem} constants"] = constants
    for cls in WORKFLOWS:
        found[f"{cls.__name__} handlers"] = _handlers(cls)
    return found


def _functions(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{item.name}", item


def _commands(body: list[ast.stmt], depth: int = 0) -> Iterator[str]:
    """Awaits, commands and the conditions around them; one line each, indented."""
    pad = "  " * depth
    for node in body:
        if isinstance(node, ast.If | ast.While):
            yield from _branches(node, pad, depth)
        elif isinstance(node, ast.For | ast.AsyncFor):
            inner = [*_commands(node.body, depth + 1)]
            if inner:
                yield f"{pad}for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
                yield from inner
        elif isinstance(node, ast.Try):
            yield from _commands(node.body, depth)
            for handler in node.handlers:
                inner = [*_commands(handler.body, depth + 1)]
                if inner:
                    yield f"{pad}except {ast.unparse(handler.type) if handler.type else ''}"
                    yield from inner
        else:
            yield from _calls(node, pad)


def _branches(node: ast.If | ast.While, pad: str, depth: int) -> Iterator[str]:
    word = "while" if isinstance(node, ast.While) else "if"
    inner = [*_calls(node.test, pad), *_commands(node.body, depth + 1)]
    other = [*_commands(node.orelse, depth)]
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and other:
        other[0] = other[0].replace(f"{pad}if", f"{pad}elif", 1)
    elif other:
        other = [f"{pad}else", *_commands(node.orelse, depth + 1)]
    if inner or other:
        yield from (f"{pad}{word} {ast.unparse(node.test)}", *inner, *other)


def _calls(node: ast.AST, pad: str) -> Iterator[str]:
    for item in ast.walk(node):
        if not isinstance(item, ast.Call):
            continue
        name = ast.unparse(item.func)
        last = name.rpartition(".")[2]
        if last == "execute_activity_method":
            yield f"{pad}activity {_activity(item)}"
        elif last in _COMMANDS:
            yield f"{pad}{name}"
    for item in ast.walk(node):
        if isinstance(item, ast.Await) and isinstance(item.value, ast.Call):
            name = ast.unparse(item.value.func)
            if not name.endswith("execute_activity_method"):
                is_wait = name.rpartition(".")[2] in _WAITS
                yield f"{pad}await {ast.unparse(item.value) if is_wait else name}"


def _activity(call: ast.Call) -> str:
    options = [ast.unparse(k.value) for k in call.keywords if k.arg is None]
    argument = call.args[1]
    model = ast.unparse(argument.func) if isinstance(argument, ast.Call) else ast.unparse(argument)
    return f"{ast.unparse(call.args[0])} ({model}) under {', '.join(options)}"


def _is_option(node: ast.stmt) -> bool:
    """A module constant that decides when something happens or is tried again."""
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_")
        for target in node.targets
    )


def _handlers(cls: type) -> list[str]:
    definition = workflow._Definition.must_from_class(cls)
    kinds = {
        "signal": definition.signals,
        "update": definition.updates,
        "query": definition.queries,
    }
    return [
        f"run as {definition.name}",
        *sorted(f"{kind} {name}" for kind, named in kinds.items() for name in named),
    ]


def differences() -> str:
    """A readable diff against the committed baseline; empty when nothing changed."""
    before = BASELINE.read_text().splitlines() if BASELINE.exists() else []
    after = rendered(current()).splitlines()
    return "\n".join(difflib.unified_diff(before, after, "baseline", "code", lineterm="", n=2))


def rendered(found: Fingerprints) -> str:
    """The baseline file's text."""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        BASELINE.write_text(rendered(current()))
    else:
        print(differences() or "The fingerprints are those of the baseline.")
