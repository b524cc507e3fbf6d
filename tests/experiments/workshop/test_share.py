"""Where the pages can be reached, and how that is told."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import segno

from experiments.workshop import serve
from experiments.workshop.host import ServeOptions
from experiments.workshop.share import (
    TOKEN,
    addresses_of,
    host_names,
    lan_addresses,
    names_of,
    new_token,
    qr_text,
)
from model.errors import InputError


def test_addresses_of_a_meeting_room_come_before_those_of_containers() -> None:
    found = ["172.17.0.1", "127.0.0.1", "8.8.8.8", "10.1.2.3", "169.254.7.7", "192.168.1.5"]
    assert lan_addresses(found) == ("192.168.1.5", "10.1.2.3", "172.17.0.1", "8.8.8.8")


def test_loopback_knows_no_names_of_the_network() -> None:
    assert names_of("127.0.0.1") == ("127.0.0.1",)
    assert addresses_of("127.0.0.1", 8080) == ("http://127.0.0.1:8080",)
    assert addresses_of("::1", 8080) == ("http://[::1]:8080",)
    assert addresses_of("192.168.1.5", 80) == ("http://192.168.1.5",)


def test_sharing_knows_every_address_and_the_name_of_this_machine() -> None:
    assert set(lan_addresses()) | set(host_names()) == set(names_of("0.0.0.0"))
    assert socket.gethostname().lower() in names_of("0.0.0.0")


def test_tokens_are_new_and_fit_an_address() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(TOKEN.fullmatch(token) and len(token) >= 16 for token in tokens)


def test_the_code_in_the_terminal_is_that_of_the_address() -> None:
    text = re.sub("\x1b\\[[0-9;]*m", "", qr_text("http://192.168.1.5:8080"))
    lines = [line for line in text.splitlines() if line]
    code = segno.make("http://192.168.1.5:8080", error="l", micro=False)
    width = code.symbol_size(border=2)[0]
    assert {len(line) for line in lines} == {width}
    assert len(lines) == -(-width // 2)
    again = io.StringIO()
    code.terminal(again, compact=True, border=2)
    assert qr_text("http://192.168.1.5:8080") == again.getvalue()


def test_a_port_that_is_taken_is_told_before_anything_runs() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="in use") as caught:
            serve.bound(ServeOptions(port=taken.getsockname()[1]))
    assert "--port 8081" in str(caught.value.allowed)


@pytest.mark.parametrize("host", ["no such host", "999.1.1.1", "203.0.113.7", "x" * 300])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(InputError, match="nothing can be served there"):
        serve.bound(ServeOptions(host=host, port=8101))


def test_folders_and_tokens_are_checked(tmp_path: Path) -> None:
    good = ServeOptions(studies=tmp_path, token="eight-or-more")
    assert serve.checked(good) is good
    with pytest.raises(InputError, match="no such folder"):
        serve.checked(ServeOptions(studies=tmp_path / "none"))
    for token in ("short", "with space in it", "a/b/c/d/e", "x" * 101):
        with pytest.raises(InputError, match="token"):
            serve.checked(ServeOptions(token=token))


def test_the_command_refuses_in_plain_words(tmp_path: Path) -> None:
    code = "from experiments.cli import main; main()"
    asked = ["workshop", "--studies", str(tmp_path / "none")]
    done = subprocess.run(
        [sys.executable, "-c", code, *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Refused: there is no such folder" in done.stderr
    assert "Traceback" not in done.stderr
