"""The command line: what it prints, and that bad input changes nothing and ends with status 2."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.lists.show import TOPICS
from experiments.run import Options
from model.catalogue import TABLES
from tests.experiments.conftest import Done

SHORT = ("run", "--draws", "1", "--until", "2011", "--plots", "none", "--threads", "1", "--prior")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("COLUMNS", "100")
    return CliRunner()


def call(runner: CliRunner, *arguments: object) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What would differ if a file of ``folder`` were written again."""
    told = {path.name: path.stat() for path in folder.iterdir()}
    return {name: (at.st_ino, at.st_mtime_ns, at.st_size) for name, at in told.items()}


def test_version(runner: CliRunner) -> None:
    result = call(runner, "--version")
    assert result.exit_code == 0
    assert result.output.startswith("drugfutures ")


def test_help_needs_no_heavy_package(root: Path) -> None:
    code = (
        "import sys\nsys.argv[1:] = ['--help']\nfrom experiments.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'numba', 'xarray', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.rstrip().endswith("[]")


def test_a_run_prints_the_main_indicators_and_where_the_rest_is(
    runner: CliRunner, small: Options
) -> None:
    result = call(runner, *SHORT, "--out", small.out)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "Draws come from the priors; the model is not calibrated" in text
    assert "Only 1 draw: intervals are rough" in text
    assert "Main indicators, current-policy: median (95% interval)" in text
    assert "Ketamine †" in text
    assert "Cannabis 2" not in text
    assert f"Results: {small.out}" in text
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 100
    assert sorted(path.name for path in small.out.iterdir()) == [
        "results.nc",
        "run.json",
        "run.log",
        "summary.csv",
    ]


BAD_TABLES = [
    ("products.csv", "alcohol,Alcohol,legal,calibrated,foul,,,,design", "modules"),
    ("products.csv", "alcohol,Alcohol,lawful,calibrated,use,,,,design", "kind"),
    ("products.csv", "alcohol,Alcohol,legal", None),
    ("unions.csv", "any_illegal,Any,heroin,design", "members"),
    ("states.csv", "use,never,asleep,no,,,,,,,design", "reported"),
    (
        "flows.csv",
        "escalation,use,occasional,waiting_substitution,rate,escalation,escalation,,,,,design",
        "destination",
    ),
    (
        "flows.csv",
        "escalation,use,occasional,problematic,rate,escalation,escalation,pull,,,,design",
        "handles",
    ),
    (
        "parameters.csv",
        "heroin,ever_start,,,,,,0.9,0.8,0.95,logitnormal,probability,assumed,assumed,assumed,",
        "product",
    ),
    (
        "parameters.csv",
        "alcohol,ever_start,,,,,,0.9,0.8,0.95,logitnormal,furlongs,assumed,assumed,assumed,",
        "unit",
    ),
    (
        "parameters.csv",
        "alcohol,ever_start,,,,,,0.9,0.8,1.95,logitnormal,probability,assumed,assumed,assumed,",
        "high",
    ),
    (
        "indicators.csv",
        "never,People,persons,heap,none,people,mean over the year,design",
        "kind",
    ),
]


@pytest.mark.parametrize(("table", "row", "key"), BAD_TABLES)
def test_a_bad_table_is_refused_and_former_results_stay(
    runner: CliRunner, done: Done, tmp_path: Path, table: str, row: str, key: str | None
) -> None:
    folder, out = tmp_path / "mine", tmp_path / "results"
    folder.mkdir()
    header = (TABLES / table).read_text(encoding="utf-8").splitlines()[0]
    (folder / table).write_text(f"{header}\n{row}\n", encoding="utf-8")
    shutil.copytree(done.options.out, out)
    before = state(out)
    result = call(runner, *SHORT, "--out", out, "--catalogue", folder)
    assert result.exit_code == 2
    assert f"{folder / table}, line 2" in result.stderr
    assert "allowed:" in result.stderr
    assert key is None or f"key:     {key}" in result.stderr
    assert "Traceback" not in result.output
    assert state(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "results"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "no-such-scenario"),
        ("run", "--draws", "0"),
        ("run", "--draws", "many"),
        ("run", "--until", "2031"),
        ("run", "--until", "2010"),
        ("run", "--plots", "some"),
        ("run", "--seed", "-1"),
        ("run", "--threads", "0"),
        ("run", "--colour"),
        ("run", "--catalogue", "no-such-folder"),
        ("show", "everything"),
        ("show", "products", "heroin"),
        ("show", "parameters", "heroin"),
        ("show", "figures", "heroin"),
        ("show", "sources", "hearsay"),
        ("show", "indicators", "happiness"),
        ("show", "flows", "heroin"),
        ("show", "states", "heroin"),
        ("show", "handles", "pull"),
        ("show", "history", "heroin"),
        ("show", "services", "magic"),
        ("show", "unions", "alcohol"),
        ("figures",),
        ("figures", "nowhere", "--totals"),
        ("figures", "--product"),
        ("money",),
        ("money", "nowhere"),
        ("money", "--rates", "0.03"),
        ("money", "--from", "soon"),
        ("shocks", "--product", "alcohol"),
        ("shocks", "--size", "1"),
        ("shocks", "--draws", "0"),
        ("walk",),
    ],
)
def test_bad_arguments_end_with_status_2(
    runner: CliRunner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(runner, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_folder_is_refused(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    result = call(runner, *SHORT, "--out", tmp_path)
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_run_tidies_up(root: Path, done: Done, tmp_path: Path) -> None:
    out = tmp_path / "results"
    shutil.copytree(done.options.out, out)
    before = state(out)
    code = "from experiments.cli import main; main()"
    # To 2012, so that the draws that are at work when it is told to stop soon end.
    arguments = ("run", "--draws", "300", "--until", "2012", "--plots", "none", "--prior")
    for sent in (signal.SIGINT, signal.SIGTERM):
        running = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=root,
        )
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".results-*/results/*.nc")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # somewhere in the middle
        assert len(list(tmp_path.iterdir())) == 2
        running.send_signal(sent)
        assert running.wait(timeout=120) not in (0, 2)
        assert list(tmp_path.iterdir()) == [out]
        assert state(out) == before


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("width", [80, 100])
def test_show_fits_and_cuts_nothing(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, topic: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    result = call(runner, "show", topic)
    assert result.exit_code == 0, result.output
    assert "…" not in result.stdout
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= width


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("products", "ketamine"), "Only nightlife and self-selected samples"),
        (("parameters", "cannabis"), "assumed"),
        (("parameters", "ever_start"), "e_cigarettes"),
        (("parameters", "*"), "first_use_from"),
        (("figures", "cannabis"), "last_year_prevalence"),
        (("figures", "med_benzo_users_2019"), "2.6e+06"),
        (("sources", "euda"), "Key epidemiological indicators"),
        (("indicators", "daily_use"), "almost) daily"),
        (("flows", "opioids"), "substitution_admission"),
        (("flows", "admission"), "a place comes free"),
        (("states", "gambling_online"), "moderate_risk"),
        (("handles", "price"), "own real price"),
        (("indicators", "coded_deaths"), "harm_alcohol_deaths_2020"),
        (("history", "tobacco-excise"), "excise"),
        (("history", "opioids"), "dated only"),
        (("services", "substitution"), "Opioid agonist treatment"),
        (("unions", "any_gambling"), "gambling_offline gambling_online"),
    ],
)
def test_show_takes_an_id(runner: CliRunner, arguments: tuple[str, str], wanted: str) -> None:
    result = call(runner, "show", *arguments)
    assert result.exit_code == 0, result.output
    assert wanted in result.stdout


def test_show_gives_the_rows_that_a_product_reads(runner: CliRunner) -> None:
    lines = call(runner, "show", "parameters", "cannabis").stdout.splitlines()
    owners = [lines[i + 1].split()[0] for i, line in enumerate(lines) if "diffusion_mid" in line]
    assert owners == ["cannabis"]


def test_show_indicators_is_the_list_of_codes(runner: CliRunner) -> None:
    text = " ".join(call(runner, "show", "indicators").stdout.split())
    assert "drug_law_offences offences per year" in text
    assert "compared with no figure" in text
    assert re.search(r"compared with \d+ figures \(\d+ centred, \d+ checked\)", text)


def test_show_handles_says_where_they_act(runner: CliRunner) -> None:
    text = " ".join(call(runner, "show", "handles").stdout.split())
    assert "scope: the whole country" in text
    assert "scope: may differ by age, sex, region and deprivation" in text
    assert "acts on: market:illicit (products with this market)" in text


def test_show_reads_a_catalogue_of_ones_own(runner: CliRunner, tmp_path: Path) -> None:
    header = (TABLES / "sources.csv").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "sources.csv").write_text(f"{header}\nmine,My own survey,,,,\n", encoding="utf-8")
    result = call(runner, "show", "sources", "mine", "--catalogue", tmp_path)
    assert "My own survey" in result.stdout


def test_a_pipe_gets_100_columns(root: Path) -> None:
    clean = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    code = "from experiments.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "handles"],
        capture_output=True,
        text=True,
        check=True,
        env=clean,
        cwd=root,
    )
    assert max(map(len, done.stdout.splitlines())) == 100
