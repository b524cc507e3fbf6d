"""Scenario files: what the page writes is what every command reads, and the other way round."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop import moves
from experiments.workshop.files import LARGEST, file_of, scenario_of_file, slug
from experiments.workshop.problems import told_error
from experiments.workshop.view import OWN
from experiments.workshop.wording import words_of
from model.errors import InputError
from scenarios.library import load
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

LIBRARY = library()
PROVENANCE = {"package_version": "0.1", "seeds": "1", "source": "a\nb: [c"}
NAMES = st.text(min_size=1, max_size=40).map(lambda text: text.replace("\x00", ""))


@pytest.mark.parametrize("name", list(LIBRARY.futures))
def test_every_shipped_scenario_goes_out_and_comes_back(name: str) -> None:
    scenario = moves.preset(name, LIBRARY).model_copy(update={"title": "Mijn: plan #1"})
    text = file_of(scenario, PROVENANCE)
    assert scenario_of_file("mine.yaml", text.encode(), LIBRARY) == scenario


@given(NAMES, st.text(max_size=80))
def test_names_and_notes_stay_text(name: str, note: str) -> None:
    scenario = ScenarioFile(id=OWN, title="x", note=note or None).model_copy(update={"title": name})
    found = (
        scenario_of_file("mine.yaml", file_of(scenario, {}).encode("utf-8", "replace"), LIBRARY)
        if name.isprintable() and note.isprintable()
        else None
    )
    if found is not None:
        assert (
            found.title == " ".join(name.split())
            or found.title is None
            or len(found.title) <= len(name)
        )
        assert found.levers == {}


def test_the_command_line_reads_what_the_page_writes(tmp_path: Path) -> None:
    levers = {"SD1": 40.0, "2.1": 70.0}
    scenario = ScenarioFile(id=OWN, title="Meer zorg", note="tekst: [x]\nregel 2", levers=levers)
    path = tmp_path / "mine.yaml"
    path.write_text(file_of(scenario, PROVENANCE), encoding="utf-8")
    program = Path(sys.executable).with_name("drugfutures")
    done = subprocess.run(
        [program, "validate", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = load([str(path)], LIBRARY)[-1]
    assert loaded.id == "own-meer-zorg"
    assert loaded.title == "Meer zorg"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"x" * (LARGEST + 1), "too large"),
        (b"id: x\nlevers: {SD9: 10}\n", "SD9"),
        (b"id: x\nlevers: {SD1: 1000}\n", "SD1"),
        (b"id: x\nbranch: 2025-01\n", "branch"),
        (b"id: x\nlevers: &a {SD1: 10}\ntrends: *a\n", "anchors"),
        (b"id: x\ntitle: !!python/object/apply:os.system [ls]\n", "tags"),
        (b"id: x\nid: y\n", "twice"),
        (b"[1, 2", "malformed"),
        (b"id: x\ncode: print\n", "code"),
    ],
)
def test_damaged_files_are_refused_with_a_reason(content: bytes, said: str) -> None:
    with pytest.raises(InputError) as error:
        scenario_of_file("../../etc/passwd", content, LIBRARY)
    assert said in str(error.value)
    for language in LANGUAGES:
        told = told_error(error.value, words_of(language, LIBRARY.texts))
        assert told
        assert "Traceback" not in told


def test_notes_of_changes_are_checked_and_what_no_address_holds_is_refused() -> None:
    def content(*notes: str) -> bytes:
        change = {"handle": "capacity", "from": "2026-01", "multiplier": 0.8}
        told = {"id": "mine", "changes": [{**change, "note": note} for note in notes]}
        return json.dumps(told, ensure_ascii=False).encode()

    found = scenario_of_file("a.yaml", content("n" * 2000), LIBRARY)
    assert found.changes[0].note == "n" * 999 + "…"
    with pytest.raises(InputError, match="not plain text"):
        scenario_of_file("a.yaml", content("a\u202eb"), LIBRARY)
    random = np.random.default_rng(1)
    notes = ["".join(map(chr, random.integers(0x4E00, 0x9FA5, 1000))) for _ in range(15)]
    with pytest.raises(InputError, match="too long for the address"):
        scenario_of_file("a.yaml", content(*notes), LIBRARY)


def test_a_slug_keeps_letters_without_their_accents() -> None:
    assert slug("Été à Liège") == "own-ete-a-liege"


@given(st.text())
def test_a_slug_is_a_plain_name(title: str) -> None:
    found = slug(title)
    assert found
    assert len(found) <= 64
    assert all(c.isascii() and (c.isalnum() or c == "-") for c in found)
