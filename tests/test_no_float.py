"""Money never meets a binary fraction: no `float` and no literal like 0.5 in domain/ and store/."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("domain", "store") for path in (ROOT / folder).rglob("*.py"))


def fractions(source: str) -> Iterator[tuple[int, str]]:
    """Line and words of each place where a float could come from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float"
        elif isinstance(node, ast.Attribute) and node.attr in ("float", "fsum"):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, repr(node.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_float(path: Path) -> None:
    assert list(fractions(path.read_text())) == []


@pytest.mark.parametrize("source", ["x = float('1')", "x = 0.5", "def f(x: float): ...", "1e3"])
def test_the_test_sees_floats(source: str) -> None:
    assert list(fractions(source))


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 10
