"""Rules for workflow code that no type checker knows, read from the source."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from temporalio import workflow

from activities import contracts, reply_contracts
from activities.sweeps import SweepIn, SweepOut
from domain import case, reply_case
from worker import WORKFLOWS, sandboxed

FOLDER = Path(__file__).resolve().parents[2] / "workflows"
SOURCES = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.py"))}

# What a workflow file may import: nothing here does I/O or asks for the time.
IMPORTS = frozenset({"collections", "dataclasses", "datetime", "typing", "pydantic", "temporalio"})
OURS = frozenset({"activities", "domain", "workflows"})
FORBIDDEN = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.monotonic",
        "workflow.uuid4",
        "workflow.random",
        "workflow.time",
        "asyncio.wait",
        "asyncio.gather",
        "asyncio.create_task",
        "open",
        "print",
        "workflow.unsafe.sandbox_unrestricted",
    }
)
LIMIT_LINES = 500
OPTIONS = {"BOOKS", "MONEY", "SEND", "LENDER", "LENDER_SWEEP"}


def problems(source: str) -> list[str]:
    """Every rule that a workflow file breaks, with its line."""
    tree = ast.parse(source)
    found = [*_imports(tree), *_calls(tree), *_activities(tree)]
    return [f"{line}: {text}" for line, text in sorted(found)]


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            if name.partition(".")[0] not in IMPORTS | OURS:
                yield node.lineno, f"imports {name}"  # type: ignore[attr-defined]


def _calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN:
            yield node.lineno, f"calls {ast.unparse(node.func)}"
        if isinstance(node, ast.Name) and node.id in {"ZoneInfo", "zoneinfo"}:
            yield node.lineno, "holds a zone object"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, "holds a float"


def _activities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called = node.func.attr
        if called in {"execute_activity", "start_activity", "execute_local_activity"}:
            yield node.lineno, f"calls {called}: use execute_activity_method"
        if called != "execute_activity_method":
            continue
        if len(node.args) != 2:
            yield node.lineno, "an activity takes one model"
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        if "summary" not in named:
            yield node.lineno, "an activity call has no summary"
        options = named.get(None)
        if not (isinstance(options, ast.Name) and options.id in OPTIONS):
            yield node.lineno, "an activity call has no options of workflows/options.py"


@pytest.mark.parametrize("name", SOURCES)
def test_workflow_file_keeps_the_rules(name: str) -> None:
    assert problems(SOURCES[name]) == []


def test_workflow_files_stay_readable() -> None:
    assert {name for name, text in SOURCES.items() if text.count("\n") > LIMIT_LINES} == set()


CALL = "workflow.execute_activity_method(A.run, In(), summary='s', **BOOKS)"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import httpx", "imports httpx"),
        ("from store import ledger", "imports store"),
        ("from connectors.ports import Refused", "imports connectors.ports"),
        ("datetime.now()", "calls datetime.now"),
        ("workflow.uuid4()", "calls workflow.uuid4"),
        ("ZoneInfo('UTC')", "holds a zone object"),
        ("rate = 0.5", "holds a float"),
        (CALL.replace("summary='s', ", ""), "an activity call has no summary"),
        (CALL.replace("**BOOKS", "retry_policy=None"), "no options of workflows/options.py"),
        (CALL.replace("In()", "In(), 2"), "an activity takes one model"),
        ("workflow.execute_activity('run', In())", "use execute_activity_method"),
    ],
)
def test_broken_rule_is_seen(source: str, problem: str) -> None:
    assert any(problem in found for found in problems(source))
    assert problems(CALL) == []


def handlers() -> Iterator[tuple[str, list[type]]]:
    """Every entry of every workflow with the types of its arguments."""
    for cls in WORKFLOWS:
        definition = workflow._Definition.must_from_class(cls)
        yield f"{definition.name}.run", list(definition.arg_types or [])
        for name, signal in definition.signals.items():
            yield f"{definition.name} signal {name}", list(signal.arg_types or [])
        for name, update in definition.updates.items():
            yield f"{definition.name} update {name}", list(update.arg_types or [])


@pytest.mark.parametrize(("name", "types"), list(handlers()))
def test_entry_takes_one_frozen_model(name: str, types: list[type]) -> None:
    assert len(types) == 1, name
    is_raw = types[0].__name__ == "RawValue"
    assert is_raw or types[0].model_config.get("frozen"), name  # type: ignore[attr-defined]


def models(module: object) -> list[type[BaseModel]]:
    return [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, BaseModel) and cls.__module__ == module.__name__  # type: ignore[attr-defined]
    ]


@pytest.mark.parametrize(
    "model",
    [
        *(
            model
            for module in (contracts, reply_contracts, case, reply_case)
            for model in models(module)
        ),
        SweepIn,
        SweepOut,
    ],
    ids=lambda model: model.__name__,
)
def test_message_is_frozen_and_bounded(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen")
    for name, field in model.model_fields.items():
        written = str(field.annotation)
        assert "float" not in written, name
        assert "list[" not in written, f"{name}: a frozen model holds tuples"
        assert "Any" not in written, name
        assert "datetime.datetime" not in written, f"{name}: instants are AwareDatetime"


def test_workflows_fail_on_a_wrong_model_instead_of_hanging() -> None:
    for name in ("treatment_visit.py", "unmatched_payment.py", "patient_reply.py"):
        assert "failure_exception_types=[ValidationError]" in SOURCES[name]


def test_runner_is_sandboxed_and_keeps_the_clock_out() -> None:
    restrictions = sandboxed().restrictions
    assert "datetime" in restrictions.invalid_module_members.children
    assert not restrictions.passthrough_all_modules
