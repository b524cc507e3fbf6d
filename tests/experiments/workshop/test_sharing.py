"""The address that others get, its QR code, and what a file says that the page cannot show."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from experiments.workshop.files import file_of, scenario_of_file
from experiments.workshop.share import address_of, only_here
from experiments.workshop.sharing import qr_code, rounded
from tests.experiments.workshop.conftest import library

LAN = ("http://192.168.1.7:8080",)


@pytest.mark.parametrize(
    ("asked", "known", "told"),
    [
        ("http://127.0.0.1:8080/", LAN, "http://192.168.1.7:8080"),
        ("http://localhost:8080/", LAN, "http://192.168.1.7:8080"),
        ("http://[::1]:8080/", LAN, "http://192.168.1.7:8080"),
        ("http://workshop.local:8080/", LAN, "http://workshop.local:8080"),
        ("http://127.0.0.1:8080/", ("http://127.0.0.1:8080",), "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", (), "http://127.0.0.1:8080"),
    ],
)
def test_others_are_told_an_address_that_they_can_open(
    asked: str, known: tuple[str, ...], told: str
) -> None:
    assert address_of(asked, known) == told


def test_an_address_of_this_machine_alone_is_known_as_such() -> None:
    assert only_here("http://127.0.0.1:8080")
    assert only_here("http://[::1]:8080")
    assert not only_here(LAN[0])


def test_a_qr_code_is_one_picture_and_too_much_for_it_is_told() -> None:
    code = qr_code("http://192.168.1.7:8080/en?s=1.abc")
    assert code is not None
    assert ElementTree.fromstring(code).tag.endswith("svg")
    assert qr_code("x" * 5000) is None


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ("levers: {SD1: 33.4}", True),
        ("trends: {F1: -12.5}", True),
        ("levers: {SD1: 33.0}\ntrends: {F1: -12}", False),
        ("levers: {}", False),
        ("rules: [all]", False),
    ],
)
def test_positions_that_are_no_whole_numbers_are_told(moved: str, told: bool) -> None:
    content = f"id: mine\ntitle: Mine\n{moved}\n".encode()
    scenario = scenario_of_file("mine.yaml", content, library())
    assert rounded(content) is told
    assert not rounded(file_of(scenario, {}).encode())
