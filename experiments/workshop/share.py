"""Where the pages can be reached, and how that is told in a terminal."""

from __future__ import annotations

import io
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import ifaddr
import segno

EVERYWHERE = ("0.0.0.0", "::")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = re.compile(r"[A-Za-z0-9_-]{8,100}")


def lan_addresses(found: Iterable[str] | None = None) -> tuple[str, ...]:
    """Addresses of this machine on local networks, private ones first."""
    if found is None:
        found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]  # type: ignore[misc]
    kept = {ipaddress.IPv4Address(ip) for ip in found}
    kept = {ip for ip in kept if not (ip.is_loopback or ip.is_link_local)}
    return tuple(map(str, sorted(kept, key=lambda ip: (not ip.is_private, _rank(ip), ip))))


def _rank(ip: ipaddress.IPv4Address) -> int:
    """Home and meeting-room networks before those that containers and tunnels make."""
    order = ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12")
    ranks = [i for i, net in enumerate(order) if ip in ipaddress.IPv4Network(net)]
    return ranks[0] if ranks else len(order)


def host_names() -> tuple[str, ...]:
    """Names of this machine that others on its network may use."""
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    return tuple(dict.fromkeys((name, short, f"{short}.local")))


def names_of(host: str) -> tuple[str, ...]:
    """Names under which a server bound to ``host`` may be asked, beside loopback's."""
    return (*lan_addresses(), *host_names()) if host in EVERYWHERE else (host,)


def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """Addresses of the pages, the one to give to others first."""
    hosts = (lan_addresses() or ("127.0.0.1",)) if host in EVERYWHERE else (host,)
    shown = [f"[{name}]" if ":" in name else name for name in hosts]
    return tuple(f"http://{name}" + ("" if port == 80 else f":{port}") for name in shown)


def address_of(base: str, addresses: tuple[str, ...]) -> str:
    """Where others find this server: what the browser asked, unless only this machine knows it."""
    asked = base.rstrip("/")
    if urlsplit(asked).hostname not in LOOPBACK:
        return asked
    others = [one for one in addresses if urlsplit(one).hostname not in LOOPBACK]
    return others[0].rstrip("/") if others else asked


def only_here(address: str) -> bool:
    """Whether nobody but this machine can open an address."""
    return urlsplit(address).hostname in LOOPBACK


def new_token() -> str:
    """A facilitator's token that nobody guesses."""
    return secrets.token_urlsafe(12)


def qr_text(address: str) -> str:
    """A QR code in half blocks, for a terminal."""
    drawn = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(drawn, compact=True, border=2)
    return drawn.getvalue()
