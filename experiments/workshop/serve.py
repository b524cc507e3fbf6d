"""The server of the workshop page: one process, one engine, NiceGUI on FastAPI."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from nicegui import app as pages
from nicegui import ui
from starlette.staticfiles import StaticFiles

from experiments.runs.provenance import package_version
from experiments.workshop import about, agents_view, logs, page, room_view, studies_view
from experiments.workshop.answers import Fan
from experiments.workshop.api import api_routes
from experiments.workshop.engine import Engine
from experiments.workshop.flags import flags_of, told
from experiments.workshop.graphs import graph_list
from experiments.workshop.guard import API, Guard
from experiments.workshop.host import Host, ServeOptions
from experiments.workshop.room import Room
from experiments.workshop.share import TOKEN, addresses_of, names_of, new_token
from experiments.workshop.sockets import Sockets
from experiments.workshop.wording import words_of
from model.errors import InputError
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES

STATIC = Path(__file__).with_name("static")
RECONNECT = 10.0  # seconds that the server keeps a page whose connection broke
LARGEST_MESSAGE = 1_000_000  # bytes; what NiceGUI's browser side keeps to as well
GRACE = 2  # seconds for connections to end
Part = Callable[[Host], None]
PARTS: tuple[Part, ...] = (
    page.register,
    about.register,
    agents_view.register,
    studies_view.register,
    room_view.register,
)
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="6" fill="#0b4f8a"/>'
    '<path d="M5 23 Q15 21 27 8 M5 23 Q16 23 27 17 M5 23 Q16 25 27 25" fill="none" '
    'stroke="#fff" stroke-width="2.4" stroke-linecap="round"/></svg>'
)


def application(host: Host, parts: Sequence[Part] = PARTS) -> Guard:
    """The whole application, with its guard around it. NiceGUI allows one in a process."""
    app = FastAPI(
        title="Drug Futures",
        version=package_version(),
        openapi_url=f"{API}openapi.json",
        docs_url=None,  # its page takes scripts from another site
        redoc_url=None,
    )
    app.include_router(api_routes(host.engine, _flags(host.engine)))
    app.mount("/static", StaticFiles(directory=STATIC))
    for register in parts:
        register(host)
    ui.run_with(
        app,
        title="Drug Futures",
        favicon=ICON,
        reconnect_timeout=RECONNECT,
        tailwind=False,
        show_welcome_message=False,
    )
    pages.exception_handlers[404] = _missing
    pages.exception_handlers[Exception] = _broken
    app.add_exception_handler(404, _missing)
    app.add_exception_handler(Exception, _broken)
    Sockets().install()
    options = host.options
    return Guard(app, names_of(options.host), options.port)


def _flags(engine: Engine) -> Callable[[Fan, ScenarioFile], list[str]]:
    words = words_of("en", engine.library.texts)

    def flags(fan: Fan, scenario: ScenarioFile) -> list[str]:
        return [told(flag, words) for flag in flags_of(fan.graph, scenario, engine, fan)]

    return flags


def _language(request: Request) -> str:
    """Language of the path, or the one that the browser asks for."""
    first = request.url.path.split("/")[1]
    wanted = request.headers.get("accept-language", "")
    return first if first in LANGUAGES else page.best_language(wanted)


def _answer(request: Request, key: str, status: int) -> Response:
    language = _language(request)
    words = words_of(language, {one: {} for one in LANGUAGES})
    if request.url.path.startswith(API):
        return JSONResponse({"message": words.say(key)}, status)
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Drug Futures</title></head><body style='font: 1rem/1.5 system-ui; margin: 3rem'>"
        f'<main><h1>Drug Futures</h1><p>{escape(words.say(key))}</p><p><a href="/{language}">'
        f"{escape(words.say('server.start'))}</a></p></main></body></html>",
        status,
    )


async def _missing(request: Request, error: Exception) -> Response:
    return _answer(request, "server.missing", 404)


async def _broken(request: Request, error: Exception) -> Response:
    return _answer(request, "server.broken", 500)


def bound(options: ServeOptions) -> socket.socket:
    """The port, taken before the engine opens. Raises InputError."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((options.host, options.port))
        found.listen()
    except (OSError, UnicodeError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"nothing can be served there ({why})",
            key="--host and --port",
            given=f"{options.host}:{options.port}",
            allowed="an address of this machine and a port that is free, such as --port 8081",
        ) from None
    return found


def checked(options: ServeOptions) -> ServeOptions:
    """The options, or what is wrong with them. Raises InputError."""
    for key, folder in (("--studies", options.studies), ("--catalogue", options.catalogue)):
        if folder is not None and not folder.is_dir():
            allowed = "a folder that exists"
            raise InputError("there is no such folder", key=key, given=str(folder), allowed=allowed)
    if options.token is not None and not TOKEN.fullmatch(options.token):
        allowed = "8 to 100 letters, digits, - and _"
        raise InputError("the token", key="--token", given=options.token, allowed=allowed)
    return options


def host_of(engine: Engine, options: ServeOptions) -> Host:
    """What all pages share. Raises InputError."""
    token = options.token or new_token()
    return Host(
        engine=engine,
        options=options,
        room=Room(token),
        graphs=graph_list(engine),
        token=token,
        addresses=addresses_of(options.host, options.port),
    )


def server_of(host: Host, parts: Sequence[Part] = PARTS) -> uvicorn.Server:
    """A server that is not running yet."""
    logs.quiet()
    config = uvicorn.Config(
        application(host, parts),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody stands between: what they claim of addresses is not believed
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # small messages on one network: not worth the time
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )
    return uvicorn.Server(config)
