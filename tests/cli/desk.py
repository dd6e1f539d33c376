"""Runs `tieout` as a person would: a process of its own, 80 columns, its output read."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

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


async def tieout(env, *words) -> Said:
    """Run one command with these `TIEOUT_*` settings."""
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
