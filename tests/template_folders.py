"""Template versions of a test's own, so that a new one may arrive while a case is running."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

from domain import messages

# A person's replacements stay in the books, so that no two tests may speak of one version.
_numbers = itertools.count(101)


class Templates:
    """The folder that the product reads instead of its own; empty at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shipped = messages.TEMPLATES
        folder.mkdir()

    def arrive(self, like: int = 2, mark: str = "", without: str = "") -> int:
        """A newest version like one that ships; returns its number.

        `mark` stands in every English text; `without` names a template that it lacks.
        """
        number = next(_numbers)
        folder = shutil.copytree(self._shipped / f"v{like}", self.folder / f"v{number}")
        for text in folder.glob("*.en.sms.txt"):
            text.write_text(f"{mark} {text.read_text()}".strip())
        if without:
            catalog = folder / "catalog.toml"
            rest = re.sub(rf"\[templates\.{without}\]\n(.+\n)*", "", catalog.read_text())
            catalog.write_text(rest)
            for file in folder.glob(f"{without}.*"):
                file.unlink()
        return number


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Templates:
    """Versions of a test's own, the first of them still to arrive."""
    own = Templates(tmp_path / "templates")
    monkeypatch.setattr(messages, "TEMPLATES", own.folder)
    return own
