"""Files are told apart, checked beside all that is known, and each gets its line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from experiments.commands.files import schema, validate
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.files import check_file, kind_of
from scenarios.library import Library, load_library
from tests.scenarios import rich

ROOMS = Path(__file__).parents[2] / "scenarios"
TEXTS = "measure.own-measure: A measure\nmeasure.own-measure.about: It acts.\n"
KINDS = {
    "scenario": rich.SCENARIO,
    "levers": rich.LEVERS,
    "trends": rich.TRENDS,
    "rules": rich.RULES,
    "blocks": rich.BLOCKS,
    "texts": TEXTS,
}
LINES = {
    "scenario": "scenario dearer-tobacco, from 2024-01: 45 measures, 7 trends, 1 event, 2 rules, "
    "3 changes",
    "levers": "levers SD1: 1 measure (1 new), 6 effects; a catalogue's texts/en.yaml must hold "
    "measure.own-measure, measure.own-measure.about, measure.own-measure.half",
    "trends": "trend F3: 2 drivers (1 new, 1 in place of known ones), 3 effects; a catalogue's "
    "texts/en.yaml must hold driver.F3.9, driver.F3.9.about",
    "rules": "rules: 1 rule (1 new); a catalogue's texts/en.yaml must hold rule.own-rule, "
    "rule.own-rule.about",
    "blocks": "blocks: 2 blocks (2 new); own-block: 2 levers, 1 trend, 1 event, 1 rule, 1 change; "
    "other: all trends from their ranges",
    "texts": "texts en: 2 texts",
}
app = typer.Typer()
app.command()(validate)
app.command()(schema)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_told_by_its_keys_and_in_one_line(
    tmp_path: Path, library: Library, kind: str
) -> None:
    path = put(tmp_path, "en.yaml", KINDS[kind])
    assert kind_of(path) == kind
    assert check_file(path, library) == LINES[kind]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("levers/x.yaml", "levers"),
        ("trends/x.yaml", "trends"),
        ("futures/x.yaml", "scenario"),
        ("texts/nl.yaml", "texts"),
        ("rules.yaml", "rules"),
        ("blocks.yaml", "blocks"),
        ("x.yaml", "scenario"),
    ],
)
def test_a_file_without_telling_keys_is_told_by_its_place(
    tmp_path: Path, name: str, kind: str
) -> None:
    assert kind_of(put(tmp_path, name, "a: 1\n")) == kind


@pytest.mark.parametrize(("head", "kind"), [("id: SD2", "levers"), ("id: F9", "trends")])
def test_an_id_tells_where_the_main_key_lacks(tmp_path: Path, head: str, kind: str) -> None:
    assert kind_of(put(tmp_path, "x.yaml", f"{head}\nnote: a\n")) == kind


def test_a_file_in_another_kinds_folder_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "levers/x.yaml", rich.SCENARIO)
    assert kind_of(path) == "scenario"  # a folder of that name somewhere else means nothing
    with pytest.raises(InputError, match="a file of scenario stands where levers are read"):
        kind_of(path, tmp_path)


def test_tables_are_checked_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tables are checked together"):
        kind_of(put(tmp_path, "parameters.csv", "product,parameter\n"))
    assert kind_of(put(tmp_path, "my_matrix.csv", ",F1\n")) == "cross-impact"


def test_every_shipped_file_is_sound(library: Library) -> None:
    folders = {"levers": "levers", "trends": "trend", "futures": "scenario", "texts": "texts"}
    for folder, word in folders.items():
        for path in sorted((ROOMS / folder).glob("*.yaml")):
            if folder != "futures" or f"scenario.{path.stem}" in library.texts["en"]:
                assert check_file(path, library).startswith(word), path
    for name in ("rules.yaml", "blocks.yaml", "trends/cross_impact.csv"):
        assert "in place of" not in check_file(ROOMS / name, library)


def copied(root: Path, tmp_path: Path) -> Path:
    """The example of a catalogue, to change."""
    return Path(shutil.copytree(root / "docs" / "examples" / "kratom", tmp_path / "kratom"))


def test_languages_without_texts_are_told(root: Path, tmp_path: Path) -> None:
    folder = copied(root, tmp_path)
    own = folder / "levers" / "own.yaml"
    assert "nl, fr, de: shown in English" in run("validate", own, "--catalogue", folder)[1]
    english = folder / "texts" / "en.yaml"
    for language in ("nl", "fr"):
        shutil.copy(english, folder / "texts" / f"{language}.yaml")
    (folder / "texts" / "README.md").write_text("Notes of the team.\n", encoding="utf-8")
    code, told, _ = run("validate", own, "--catalogue", folder)
    assert code == 0
    assert told.strip().endswith("; de: shown in English for want of texts")


def test_texts_of_an_unknown_language_are_refused(tmp_path: Path, library: Library) -> None:
    with pytest.raises(InputError, match="unknown file of texts"):
        check_file(put(tmp_path, "texts/it.yaml", TEXTS), library)


def test_the_command_checks_all_files_and_loses_none(tmp_path: Path) -> None:
    good = put(tmp_path, "good.yaml", rich.SCENARIO)
    wrong = put(tmp_path, "wrong.yaml", rich.SCENARIO.replace("SD1: 50", "SD8: 50"))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x89PNG\xff\xfe\x00")
    last = put(tmp_path, "last.yaml", rich.LEVERS)
    code, told, refused = run("validate", wrong, good, tmp_path / "none.yaml", binary, last)
    assert code == 2
    assert told.splitlines() == [f"{good}: {LINES['scenario']}", f"{last}: {LINES['levers']}"]
    assert refused.count("Refused: ") == 3
    for part in (f"{wrong}, line 10", "key:     SD8", "allowed: ", "none.yaml", "not UTF-8"):
        assert part in refused
    assert run("validate", good, last)[0] == 0


def test_the_command_knows_a_catalogue(root: Path, tmp_path: Path) -> None:
    folder = root / "docs" / "examples" / "kratom"
    files = sorted(folder.rglob("*.yaml"))
    assert len(files) == 7
    code, told, refused = run("validate", *files, "--catalogue", folder)
    assert (code, refused) == (0, "")
    assert "scenario kratom-limited, from 2025-01" in told
    code, _, refused = run("validate", folder / "futures" / "kratom-limited.yaml")
    assert code == 2
    assert "kratom-limited.yaml, line" in refused


def test_a_whole_catalogue_is_checked_without_naming_its_files(root: Path, tmp_path: Path) -> None:
    folder = copied(root, tmp_path)
    put(tmp_path, "kratom/futures/more.yml", rich.SCENARIO.replace("id: ", "id: more #", 1))
    code, told, _ = run("validate", "--catalogue", folder)
    assert code == 0
    assert told.splitlines()[0].endswith("no parameter lacks; products of its own: kratom")
    assert {line.split(":")[0] for line in told.splitlines()[1:]} == {
        str(path) for path in folder.glob("**/*.y*ml")
    }
    table = folder / "parameters.csv"
    rows = table.read_text("utf-8").splitlines()
    kept = [row for row in rows if not row.startswith(("kratom,kratom_rise", "kratom,kratom_fall"))]
    table.write_text("\n".join(kept) + "\n", encoding="utf-8")
    code, _, refused = run("validate", "--catalogue", folder)
    assert code == 2
    assert "kratom: kratom_fall, kratom_rise" in refused
    assert run("validate")[0] == 2


def test_texts_that_a_catalogue_lacks_are_told_at_once(root: Path, tmp_path: Path) -> None:
    folder = copied(root, tmp_path)
    texts = folder / "texts" / "en.yaml"
    kept = [line for line in texts.read_text("utf-8").splitlines() if "measure." not in line]
    texts.write_text("\n".join(kept), encoding="utf-8")
    code, _, refused = run("validate", folder / "levers" / "own.yaml", "--catalogue", folder)
    assert code == 2
    for part in (str(texts), "texts are missing", ".about", ".half"):
        assert part in refused


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("id: a\n\ttitle: b\n", 2, "a tab stands where only spaces may"),
        ("id: a\ntitle: b: c\n", 2, "a second colon"),
        ('id: a\ntitle "x"\nb: 2\n', 3, "without a colon"),
        ('id: "abc\ntitle: b\n', 3, "a quote or a bracket is not closed"),
        ("levers:\n  SD1: 1\n SD2: 3\n", 3, "further in or out"),
    ],
)
def test_mistakes_of_yaml_are_told_plainly(
    tmp_path: Path, library: Library, text: str, line: int, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        check_file(put(tmp_path, "x.yaml", text), library)
    assert caught.value.line == line


def test_a_catalogue_that_is_wrong_does_not_lose_the_files(tmp_path: Path) -> None:
    own = put(tmp_path, "own/rules.yaml", rich.RULES.replace("cannabis", "hemp"))
    good = put(tmp_path, "good.yaml", rich.SCENARIO)
    code, told, refused = run("validate", good, own, "--catalogue", tmp_path / "own")
    assert code == 2
    assert refused.count("'hemp'") == 1  # not told again of the file itself
    assert f"Not checked before its folder is in order: {own}" in refused
    assert "checked beside the shipped ones alone" in refused
    assert LINES["scenario"] in told


def test_the_command_prints_or_writes_a_schema(tmp_path: Path) -> None:
    code, told, _ = run("schema", "rules")
    assert code == 0
    out = tmp_path / "rules.json"
    assert run("schema", "rules", "--out", out)[0] == 0
    assert json.loads(told) == json.loads(out.read_text(encoding="utf-8"))
    code, _, refused = run("schema", "rules", "--out", tmp_path / "none" / "rules.json")
    assert code == 2
    assert "cannot be written" in refused
    assert run("schema", "texts")[0] == 2


def test_a_schema_knows_a_catalogue(root: Path) -> None:
    folder = root / "docs" / "examples" / "kratom"
    assert "kratom-age-limit" in run("schema", "scenario", "--catalogue", folder)[1]
    library = load_library(load_catalogue(folder))
    assert "kratom-age-limit" in library.levers
