"""The options of effects and check."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app


@pytest.mark.parametrize("command", ["effects", "check"])
def test_tables_of_ones_own_are_read(command: str, tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("id,colour\nkratom,green\n", encoding="utf-8")
    done = CliRunner().invoke(app, [command, "--draws", "2", "--catalogue", str(tmp_path)])
    assert done.exit_code == 2
    assert "products.csv" in done.output + done.stderr
