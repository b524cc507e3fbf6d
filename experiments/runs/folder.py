"""A results folder: written aside, then put in place whole, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from model.errors import InputError

MADE_BY = "drugfutures run"
PROVENANCE = "run.json"


def is_results(folder: Path) -> bool:
    """Whether ``folder`` was made by this command, and may therefore be replaced."""
    try:
        told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("made_by") == MADE_BY


def _is_free(out: Path) -> bool:
    """Whether nothing of anybody's is lost when ``out`` is replaced."""
    if not out.exists() or is_results(out):
        return True
    try:
        return out.is_dir() and not any(out.iterdir())
    except OSError:
        return False


class ResultsFolder:
    """Context manager: ``path`` is a folder aside; ``keep`` puts it in the place of ``out``.

    Entering raises InputError when ``out`` holds anything but results, or when nothing can be
    written beside it. Leaving without ``keep`` (an error, Ctrl-C) removes what was
    written and leaves ``out`` as it was.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.resolve()
        self.given = str(out)
        self._aside: Path | None = None
        self._made: list[Path] = []

    @property
    def path(self) -> Path:
        """The folder to write to. Raises RuntimeError outside the ``with`` block."""
        if self._aside is None:
            raise RuntimeError("the folder is not open")
        return self._aside / "results"

    def __enter__(self) -> ResultsFolder:
        self._check_free()
        try:
            self._make_parents()
            self._aside = Path(tempfile.mkdtemp(prefix=f".{self.out.name}-", dir=self.out.parent))
            self.path.mkdir()
        except OSError as error:
            self._clean()
            raise InputError(
                f"the results cannot be written here ({error.strerror})",
                key="--out",
                given=self.given,
                allowed="a folder in a place that can be written to",
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clean()

    def keep(self) -> Path:
        """Put what was written in place, the former results away; returns the final path.

        Raises InputError when somebody else has written to ``out`` in the meantime.
        """
        assert self._aside is not None
        self._check_free()
        former = self._aside / "former"
        replaced = self.out.exists()
        if replaced:
            self.out.rename(former)
        try:
            self.path.rename(self.out)
        except BaseException:
            if replaced:
                former.rename(self.out)
            raise
        self._made.clear()
        return self.out

    def _check_free(self) -> None:
        if not _is_free(self.out):
            raise InputError(
                "there is something here that is not a results folder, so it is left alone",
                key="--out",
                given=self.given,
                allowed=f"a new or empty folder, or one that `{MADE_BY}` made",
            )

    def _make_parents(self) -> None:
        missing = [folder for folder in self.out.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def _clean(self) -> None:
        if self._aside is not None:
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside = None
        for folder in reversed(self._made):
            folder.rmdir()
        self._made.clear()
