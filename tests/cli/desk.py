"""Runs `tieout` as a person would: 80 columns, its output and exit code read."""

import asyncio
import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from starter.cli import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """The output with its line breaks and columns folded into single spaces."""
        return " ".join(self.out.split())


def run_here(env, words) -> Said:
    """Run one command in this process, as its entry point does, with these settings alone."""
    out, err = io.StringIO(), io.StringIO()
    screen = {"PATH": os.environ["PATH"], "COLUMNS": "80"}
    with (
        mock.patch.dict(os.environ, {**screen, **env}, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(words)
    return Said(code, out.getvalue(), err.getvalue())


async def tieout(env, *words) -> Said:
    """Run one command in a process of its own with these settings."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "starter",
        *words,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "COLUMNS": "80", **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Said(process.returncode, out.decode(), err.decode())


def one_sentence(said: Said, code: int) -> str:
    """The refusal, which is one line on stderr and nothing else."""
    assert said.code == code, said
    assert said.out == "", said.out
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    return lines[0]
