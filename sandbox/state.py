"""Durable documents of the sandbox: in memory, and each change on a log, so that a restart
forgets nothing."""

import itertools
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
_COUNTERS = "_counter"


class State:
    """`kind` + `id` -> JSON document, in order of first insertion.

    The log holds one JSON array per change: `[kind, id, document]`, `[kind, id]` where one is
    forgotten, `[]` where all are. A killed sandbox loses nothing, because a line is written by
    one call before anything is answered; only a power cut could, and this is a toy practice.
    """

    def __init__(self, path: Path | None) -> None:
        self._docs: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._log: int | None = None
        self._unnamed = itertools.count(time.time_ns())
        if path is not None:
            self._replay(path)
            self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def put(self, kind: str, id: str, doc: Doc) -> Doc:
        """Insert or replace; keeps the first insertion's place in listings."""
        # Kept as text: what the state hands out is nobody else's.
        self._docs[kind][id] = text = json.dumps(doc)
        self._note(f"[{json.dumps(kind)}, {json.dumps(id)}, {text}]\n")
        return doc

    def append(self, kind: str, doc: Doc) -> Doc:
        """Insert a document that nobody looks up by id; its id grows with time."""
        return self.put(kind, str(next(self._unnamed)), doc)

    def get(self, kind: str, id: str) -> Doc | None:
        """One document, or None."""
        text = self._docs.get(kind, {}).get(id)
        return None if text is None else json.loads(text)

    def list(
        self, kind: str, keep: Callable[[Doc], bool] = lambda _: True, has: str = ""
    ) -> list[Doc]:
        """All documents of a kind that `keep` accepts, oldest first.

        `has` leaves out, before any is read, those whose JSON does not hold this text.
        """
        texts = tuple(text for text in self._docs.get(kind, {}).values() if has in text)
        return [doc for doc in map(json.loads, texts) if keep(doc)]

    def delete(self, kind: str, id: str) -> None:
        """Forget one document; silent when it is not there."""
        if self._docs.get(kind, {}).pop(id, None) is not None:
            self._note(f"[{json.dumps(kind)}, {json.dumps(id)}]\n")

    def clear(self) -> None:
        """Forget everything."""
        self._docs.clear()
        self._note("[]\n")

    def next_number(self, name: str) -> int:
        """1, 2, 3, … per name, across restarts."""
        number = int((self.get(_COUNTERS, name) or {"value": 0})["value"]) + 1
        self.put(_COUNTERS, name, {"value": number})
        return number

    def _note(self, line: str) -> None:
        if self._log is not None:
            os.write(self._log, line.encode())

    def _replay(self, path: Path) -> None:
        for change in _changes(path):
            match change:
                case [kind, id, doc]:
                    self._docs[kind][id] = json.dumps(doc)
                case [kind, id]:
                    self._docs[kind].pop(id, None)
                case _:
                    self._docs.clear()


def _changes(path: Path) -> Iterator[list[Any]]:
    """Every whole line; a half one at the end is cut off, since nobody was told of it."""
    if not path.exists():
        return
    with path.open("rb+") as log:
        good = 0
        for line in log:
            if not line.endswith(b"\n"):
                log.truncate(good)
                return
            good += len(line)
            yield json.loads(line)
