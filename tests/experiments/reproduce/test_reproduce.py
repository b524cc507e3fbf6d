"""What is committed of the generated pages is what the code makes, and a change is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.coverage import Quantity
from experiments.reproduce.__main__ import Done, left_out, lines_of, main, run
from experiments.reproduce.compared import first_difference, moved, replace
from experiments.reproduce.headlines_page import tell
from experiments.reproduce.pages import Block, markdown, put, three
from experiments.reproduce.published_page import write as write_published
from experiments.reproduce.steps import ROOT, STEPS, Step, chosen, command
from experiments.reproduce.validation_page import broken
from model.errors import InputError

CHEAP = ("tables", "odd", "reports")


@pytest.mark.parametrize("name", CHEAP)
def test_cheap_pages_are_current(name: str, tmp_path: Path) -> None:
    (step,) = chosen([name], [])
    done = run(step, tmp_path / "files")
    assert done.failed is None
    assert done.moved == (), "run: make reproduce ARGS='tables odd reports --write'"
    assert done.files == len(step.files)


def test_every_file_of_a_step_is_committed() -> None:
    missing = [name for step in STEPS for name in step.files if not (ROOT / name).is_file()]
    assert missing == []


def test_no_generated_file_is_of_no_step() -> None:
    made = {name for step in STEPS for name in step.files}
    made |= {name.replace(".csv", ".png") for name in made if "/plots/" in name}
    there = (ROOT / "docs/generated").rglob("*")
    found = {path.relative_to(ROOT).as_posix() for path in there if path.is_file()}
    assert found - made == set()


def test_the_page_of_published_cases_is_that_of_its_rows(tmp_path: Path) -> None:
    write_published(tmp_path, ROOT / "docs/generated/published-cases.csv")
    assert moved(tmp_path, ROOT) == []


def test_what_holds_more_than_it_says_is_not_called_too_sure() -> None:
    few = [Quantity("noisier waves", n, "b", "latent", "x", 0.01, 1.0) for n in range(4)]
    many = [Quantity("purity drift", n, "b", "latent", "x", 0.5, 1.0) for n in range(4)]
    assert broken([*few, *many]) == [
        "Under noisier waves 50% / 80% / 95% intervals hold 0% / 0% / 0%: too sure.",
        "Under purity drift 50% / 80% / 95% intervals hold 100% / 100% / 100%: not too sure.",
    ]


def _step(text: str, name: str = "docs/generated/products.md") -> Step:
    def make(folder: Path, small: bool) -> None:
        put(folder / name, text)

    return Step("mine", "usual", 1.0, (name,), "a page", make)


def test_a_moved_line_is_found_and_told(tmp_path: Path) -> None:
    page = ROOT / "docs/generated/products.md"
    text = page.read_text(encoding="utf-8")
    lines = text.split("\n")
    lines[4] = lines[4].replace("20 products", "21 products")
    done = run(_step("\n".join(lines)), tmp_path / "files")
    (line,) = done.moved
    assert line.startswith("docs/generated/products.md, line 5: ")
    assert "20 products" in line
    assert "21 products" in line
    told = "\n".join(lines_of(done, small=False, write=False))
    assert "moved" in told
    assert line in told
    assert page.read_text(encoding="utf-8") == text


def test_files_that_lack_are_told(tmp_path: Path) -> None:
    done = run(_step("x", "docs/generated/none-such.md"), tmp_path / "files")
    assert done.moved == ("docs/generated/none-such.md: not there yet",)
    assert moved(tmp_path / "nothing", ROOT, [Path("README.md")]) == ["README.md: not made"]


def test_line_ends_and_lengths_count(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"a\nb\n")
    new.write_bytes(b"a\r\nb\n")
    assert "line 1" in first_difference(old, new)
    new.write_bytes(b"a\nb\nc\n")
    assert "line 3" in first_difference(old, new)


def test_pictures_are_compared_by_their_numbers_alone(tmp_path: Path) -> None:
    for folder, body in (("fresh", b"1"), ("standing", b"2")):
        put(tmp_path / folder / "a.csv", "same\n")
        (tmp_path / folder / "a.png").write_bytes(body)
    assert moved(tmp_path / "fresh", tmp_path / "standing") == []
    replace(tmp_path / "fresh", tmp_path / "standing")
    assert (tmp_path / "standing/a.png").read_bytes() == b"1"


def test_the_list_names_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["step", *(step.name for step in STEPS)]


def test_an_unknown_step_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tabels"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Refused: unknown step 'tabels'; allowed: tables, ")


def test_plain_reproduce_stays_under_an_hour_and_says_what_it_left_out() -> None:
    usual = chosen([], ["usual"])
    assert sum(step.minutes for step in usual) < 60.0
    told = left_out(usual)
    assert all(step.name in told for step in STEPS if step.group != "usual")


def test_a_step_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(folder: Path, small: bool) -> None:
        command(["python3", "-c", "raise SystemExit('no such thing')"])

    done = run(Step("mine", "usual", 1.0, (), "nothing", make), tmp_path / "files")
    assert isinstance(done, Done)
    assert done.failed is not None
    assert "no such thing" in done.failed


def test_numbers_and_pages_have_one_form() -> None:
    assert [three(x) for x in (1234.5, 0.012345, -0.0, 99.96, 1e6)] == [
        "1,230",
        "0.0123",
        "0",
        "100",
        "1,000,000",
    ]
    text = markdown("T", [Block("", ("a",), ("x",), (("b|c\nd",),))])
    assert text.endswith("| x |\n| --- |\n| b\\|c d |\n")


def test_the_page_of_results_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        tell(tmp_path, tmp_path / "none")
