"""A chat: messages come one by one, some are edited or deleted; notifications with a secret pop up for some frames."""

from tests.support.scenes.chrome import Chrome, Sheet, marked
from tests.support.scenes.look import look
from tests.support.scenes.scene import RATE
from tests.support.scenes.sight import all_spotted
from tests.support.scenes.take import Take

_LENGTH = 16 * RATE
_EVERY = (6, 22)  # frames from one message to the next
_FLASH = (3, 11)
_POPUP = (12, 31)
_CATEGORIES = ("email", "phone", "card-number", "password", "iban", "key", "vat", "ssn")
_APPEND = """(html) => {
  const list = document.getElementById("list"), message = document.createElement("div");
  message.className = "message";
  message.innerHTML = html;
  list.append(message);
  list.scrollTop = list.scrollHeight;
}"""
_LAST = "(html) => { [...document.querySelectorAll('.message')].at(-1).querySelector('.said').innerHTML = html; }"
_POP = "(html) => { document.getElementById('popup').innerHTML = html; }"


def make(take: Take) -> None:
    """Let a conversation go on. Of its secrets more than a third are there for 3 to 10 frames only."""
    rng = take.rng
    chosen = look(rng, take.dark, rng.choice((1.0, 1.0, 1.25)))
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        sheet = chrome.sheet(chosen.zoom)
        sheet.show(f"{chosen.style}{_STYLE}</head><body>{_page(take)}")
        for _ in range(rng.randrange(4, 9)):
            sheet.page.evaluate(_APPEND, _message(take, take.prose.sentence()))
        while take.film.frames < _LENGTH:
            what = rng.choice(("said", "said", "secret", "secret", "edited", "deleted", "flash", "flash", "popup"))
            _happen(take, sheet, what)
        sheet.close()


def _happen(take: Take, sheet: Sheet, what: str) -> None:
    rng = take.rng
    if what in ("flash", "popup"):
        sheet.page.evaluate(_POP, f'<div class="panel"><b>{take.prose.first_name()}</b><br>{_secret(take)}</div>')
        _show(take, sheet, rng.randrange(*(_FLASH if what == "flash" else _POPUP)))
        sheet.page.evaluate(_POP, "")
        _show(take, sheet, rng.randrange(*_EVERY))
        return
    said = take.prose.sentence() if what == "said" else _secret(take)
    sheet.page.evaluate(_APPEND, _message(take, said))
    if what in ("edited", "deleted"):
        _show(take, sheet, rng.randrange(*_FLASH))
        said = f"{take.prose.sentence()} <i>(edited)</i>" if what == "edited" else "<i>This message was deleted.</i>"
        sheet.page.evaluate(_LAST, said)
    _show(take, sheet, rng.randrange(*_EVERY))


def _show(take: Take, sheet: Sheet, frames: int) -> None:
    image, spots = sheet.taken()
    take.film.add(image, all_spotted(take.vault, spots), min(frames, _LENGTH - take.film.frames))


def _secret(take: Take) -> str:
    category = take.rng.choice(_CATEGORIES)
    words = {
        "email": ("write to", "it is"),
        "phone": ("call me on", "my number:"),
        "card-number": ("pay with", "the card is"),
        "password": ("password:", "the new password:"),
        "iban": ("IBAN", "account"),
        "key": ("token:", "key:"),
        "vat": ("VAT", "our VAT number:"),
        "ssn": ("SSN", "social security number"),
    }[category]
    return f"{take.rng.choice(words)} {marked(take.vault.take(category))}"


def _message(take: Take, said: str) -> str:
    name = take.prose.first_name()
    return f'<b>{name}</b> <span class="dim">{take.prose.time()}</span><br><span class="said">{said}</span>'


def _page(take: Take) -> str:
    prose = take.prose
    rooms = "".join(f"<p>#{prose.module()}-{prose.number(1, 40)}</p>" for _ in range(8))
    people = "".join(f"<p>{prose.name()}</p>" for _ in range(8))
    return f"""<div class="row" style="height:100vh;gap:0"><div class="side" style="width:11em">{rooms}</div>
    <div class="grow" style="display:flex;flex-direction:column;height:100vh">
    <div class="bar"><b>#{prose.module()}</b><span>{prose.number(3, 90)} members</span></div>
    <div id="list" class="grow" style="overflow:hidden;padding:6px 14px"></div>
    <div class="panel dim">Message #{prose.module()}</div></div>
    <div class="side" style="width:28em;padding-top:7em">{people}</div></div><div id="popup"></div>"""


_STYLE = """<style>.message { margin: 6px 0 } #list { min-height: 0 }
#popup { position: absolute; right: 8px; top: 8px; white-space: nowrap }</style>"""
