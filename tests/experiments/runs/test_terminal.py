"""What the terminal is told while something runs and nobody sees a bar."""

from __future__ import annotations

import pytest

from experiments.runs import terminal


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 31.0, 40.0, 120.0])
    monkeypatch.setattr("experiments.runs.terminal.time.monotonic", lambda: next(clock))
    advance = terminal.log_lines(100, "draws")
    for _ in range(4):
        advance(10)
    assert capsys.readouterr().err.splitlines() == [
        "20 of 100 draws, 0.5 minutes gone, about 2.1 left",
        "40 of 100 draws, 2.0 minutes gone, about 3.0 left",
    ]


def test_who_sees_the_bar_gets_no_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("experiments.runs.terminal.sys.stderr.isatty", lambda: True)
    terminal.log_lines(10, "draws", every=0.0)(5)
    assert capsys.readouterr().err == ""
