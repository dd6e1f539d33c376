"""Durable documents of the sandbox: one SQLite file, so that a restart forgets nothing."""

import itertools
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Doc = dict[str, Any]


class State:
    """`kind` + `id` -> JSON document, in order of first insertion."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        # A killed sandbox loses nothing; only a power cut could, and this is a toy practice.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS docs (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
            " kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))"
        )
        self._unnamed = itertools.count(time.time_ns())

    def put(self, kind: str, id: str, doc: Doc) -> Doc:
        """Insert or replace; keeps the first insertion's place in listings."""
        self._db.execute(
            "INSERT INTO docs (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, id, json.dumps(doc)),
        )
        return doc

    def append(self, kind: str, doc: Doc) -> Doc:
        """Insert a document that nobody looks up by id; its id grows with time."""
        self._db.execute(
            "INSERT INTO docs (kind, id, body) VALUES (?, ?, ?)",
            (kind, str(next(self._unnamed)), json.dumps(doc)),
        )
        return doc

    def get(self, kind: str, id: str) -> Doc | None:
        """One document, or None."""
        row = self._db.execute(
            "SELECT body FROM docs WHERE kind = ? AND id = ?", (kind, id)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def list(self, kind: str, keep: Callable[[Doc], bool] = lambda _: True) -> list[Doc]:
        """All documents of a kind that `keep` accepts, oldest first."""
        rows = self._db.execute("SELECT body FROM docs WHERE kind = ? ORDER BY seq", (kind,))
        return [doc for doc in (json.loads(row[0]) for row in rows) if keep(doc)]

    def delete(self, kind: str, id: str) -> None:
        """Forget one document; silent when it is not there."""
        self._db.execute("DELETE FROM docs WHERE kind = ? AND id = ?", (kind, id))

    def clear(self) -> None:
        """Forget everything."""
        self._db.execute("DELETE FROM docs")

    def next_number(self, name: str) -> int:
        """1, 2, 3, … per name, across restarts."""
        row = self._db.execute(
            "INSERT INTO docs (kind, id, body) VALUES ('_counter', ?, '{\"value\": 1}')"
            " ON CONFLICT (kind, id) DO UPDATE"
            " SET body = json_set(body, '$.value', json_extract(body, '$.value') + 1)"
            " RETURNING json_extract(body, '$.value')",
            (name,),
        ).fetchone()
        return int(row[0])
