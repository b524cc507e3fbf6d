"""Share a page by its link, with a QR code; open and save scenario files."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import segno
import yaml
from nicegui import ui
from nicegui.events import GenericEventArguments

from experiments.workshop import passing, saved
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button, picture
from experiments.workshop.files import LARGEST, POSITIONS, file_of, scenario_of_file, slug
from experiments.workshop.link import link_of
from experiments.workshop.plain import plain_line
from experiments.workshop.problems import told_error
from experiments.workshop.share import address_of, only_here
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session

COPY = """(e) => {
  const field = document.getElementById('df-link');
  const done = (well) => emit(well);
  field.focus(); field.select();
  if (navigator.clipboard && window.isSecureContext)
    navigator.clipboard.writeText(field.value).then(() => done(true), () => done(false));
  else done(document.execCommand('copy'));
}"""
READ = f"""async (e) => {{
  const file = e.target.files[0];
  if (!file) return;
  const large = file.size > {LARGEST};
  emit({{name: file.name, size: file.size, text: large ? '' : await file.text()}});
  e.target.value = '';
}}"""


def qr_code(address: str) -> str | None:
    """A QR code as SVG, None for an address that is too long for one."""
    try:
        code = segno.make(address, error="l", micro=False)
    except segno.DataOverflowError:
        return None
    out = BytesIO()
    code.save(out, kind="svg", xmldecl=False, lineclass=None, svgclass=None, omitsize=True)
    return out.getvalue().decode()


def build_link(session: Session, host: Host) -> None:
    """The button that opens the dialog with the link."""
    say, client = session.words.say, ui.context.client
    box = dialog(say("link.title"))

    def opened() -> None:
        base = address_of(str(client.request.base_url), host.addresses)
        address = f"{base}/{session.words.language}?s={link_of(session.view)}"
        with box:
            Tag("p", say("link.about"))
            with Tag("label", classes="df-field"):
                Tag("span", say("link.address"))
                field = Tag("textarea", id="df-link", readonly=True, rows=3)
                field.attribute("autofocus", "")
                field.props["defaultValue"] = address

            def copied(event: GenericEventArguments) -> None:
                well = event.args is True
                status.set_text(say("link.copied") if well else say("link.copy.by.hand"))

            with Tag("div", classes="df-actions"):
                copy = Tag("button", say("link.copy"), "df-button df-main", type="button")
                copy.on("click", copied, js_handler=COPY)
                status = Tag("span", role="status")
            if only_here(base):
                Tag("p", say("link.only.here"), "df-hint")
            else:
                _code(address, say)
            Tag("p", say("link.holds"), "df-hint")
        box.open()

    button(say("link.button"), opened, title=say("link.title"), data_df="link")


def _code(address: str, say: Callable[..., str]) -> None:
    code = qr_code(address)
    if code is None:
        Tag("p", say("link.long"), "df-hint")
    else:
        picture(code, say("link.qr"), "df-qr-frame")


def build_files(session: Session, host: Host) -> None:
    """The button that opens the dialog of files."""
    say = session.words.say
    box = dialog(say("file.title"))

    def opened() -> None:
        with box:
            Tag("h3", say("file.open"))
            Tag("p", say("file.open.about", kilobytes=LARGEST // 1024))
            with Tag("label", classes="df-field"):
                Tag("span", say("file.choose"))
                chosen = Tag("input", type="file", accept=".yaml,.yml,.json,.txt")
            problem = Tag("p", classes="df-wrong", role="alert")
            Tag("h3", say("file.save"))
            Tag("p", say("file.save.about"))
            with Tag("div", classes="df-actions"):
                button(say("file.save.button"), download)

        def read(event: GenericEventArguments) -> None:
            wrong = _open_file(session, event.args)
            problem.set_text(wrong)
            if not wrong:
                box.close()

        chosen.on("change", read, js_handler=READ)
        box.open()

    def download() -> None:
        scenario = session.view.scenario
        text = file_of(scenario, host.engine.provenance())
        name = slug(scenario.title or "")
        ui.download.content(text, f"{name}.yaml", "text/yaml")

    button(say("file.button"), opened, title=say("file.title"), data_df="files")


def _open_file(session: Session, given: object) -> str:
    """Put the scenario of a file under the hand; what is wrong with it, or nothing."""
    say = session.words.say
    if not isinstance(given, dict):
        return say("file.unreadable")
    name, text = str(given.get("name", ""))[:200], str(given.get("text", ""))
    content = text.encode("utf-8", errors="replace")
    size = given.get("size")
    if len(content) > LARGEST or (isinstance(size, int) and size > LARGEST):
        return say("file.large", kilobytes=LARGEST // 1024)
    try:
        scenario = scenario_of_file(name, content, session.engine.library)
        view = saved.opened(session.view, scenario)
    except InputError as error:
        return told_error(error, session.words)
    session.show(view)
    told = say("file.opened", name=scenario.title or plain_line(name, 80))
    passing.tell(f"{told} {say('file.rounded')}" if rounded(content) else told)
    return ""


def rounded(content: bytes) -> bool:
    """Whether a scenario file that was read has positions that the page cannot show."""
    given = yaml.safe_load(content)
    positions = [at for name in POSITIONS for at in (given.get(name) or {}).values()]
    return any(float(at) != round(float(at)) for at in positions)
