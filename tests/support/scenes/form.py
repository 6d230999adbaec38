"""A form that is being filled in, character by character, with a caret that blinks, and with corrections."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.support.scenes.chrome import Chrome, Sheet, marked
from tests.support.scenes.look import Look, columns, look
from tests.support.scenes.scene import RATE, Box, Image, Label
from tests.support.scenes.secrets import Secret
from tests.support.scenes.sight import all_spotted, difference, ink
from tests.support.scenes.take import Take

_LENGTH = 18 * RATE
_BLINK = RATE // 2  # frames that the caret is shown, and then not
_GRID = 40  # pixels that are a whole number of the page's at each zoom
_SPEED = (6, 13)  # characters a second
_FIELDS = (
    *(("Card number", "card-number"), ("E-mail", "email"), ("Phone", "phone"), ("Password", "password")),
    *(("IBAN", "iban"), ("Social security number", "ssn"), ("VAT number", "vat")),
)
_CARET = """(id) => {
  const input = document.getElementById(id), style = getComputedStyle(input), box = input.getBoundingClientRect();
  const context = document.createElement("canvas").getContext("2d");
  context.font = style.font;
  return [box.left + input.clientLeft + parseFloat(style.paddingLeft) + context.measureText(input.value).width,
          box.top + parseFloat(style.paddingTop) + input.clientTop, box.bottom - parseFloat(style.paddingBottom)];
}"""
_INSIDE = """(id) => {
  const input = document.getElementById(id), box = input.getBoundingClientRect();
  return [box.left + input.clientLeft + 1, box.top + input.clientTop + 1, box.right - 2, box.bottom - 2];
}"""


@dataclass(frozen=True, slots=True)
class _Field:
    id: str
    text: str
    secret: Secret | None


def make(take: Take) -> None:
    """Fill in a form from its top; whatever is left of the time it stands there."""
    rng = take.rng
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        while take.film.frames < _LENGTH:
            chosen = look(rng, take.dark, rng.choice((1.0, 1.25, 1.25, 1.6)))
            fields = _fields(take)
            sheet = chrome.sheet(chosen.zoom)
            sheet.show(f"{chosen.style}{_style(chosen)}</head><body>{_form(take, fields)}")
            _fill(take, sheet, chosen, fields)
            sheet.close()


def _fill(take: Take, sheet: Sheet, chosen: Look, fields: list[_Field]) -> None:
    empty, there = sheet.taken()
    still = all_spotted(take.vault, there)
    done: list[Label] = []
    for field in fields:
        sheet.page.focus(f"#{field.id}")
        inside = _scaled(sheet.page.evaluate(_INSIDE, field.id), sheet.zoom)
        label: Label | None = None
        speed = take.rng.uniform(*_SPEED)
        due = float(take.film.frames)
        image = sheet.picture()
        for pressed in _presses(take, field.text):
            sheet.page.keyboard.press(pressed)
            image = _typed(sheet, image, inside)
            value = str(sheet.page.input_value(f"#{field.id}"))
            label = _label(field, value, ink(difference(image, empty), inside))
            due += RATE / (speed * take.rng.uniform(0.7, 1.4))
            _show(take, image, _caret(sheet, field), [*still, *done, *([label] if label else [])], round(due), chosen)
            if take.film.frames >= _LENGTH:
                return
        if label:
            done.append(label)
    image = sheet.picture()
    take.film.add(image, [*still, *done], min(2 * RATE, _LENGTH - take.film.frames))


def _typed(sheet: Sheet, image: Image, inside: Box) -> Image:
    """Return ``image`` with what now stands ``inside`` the field; nothing else on the page moves meanwhile."""
    left, top, right, bottom = inside
    left, top = left // _GRID * _GRID, top // _GRID * _GRID
    right, bottom = -(-right // _GRID) * _GRID, -(-bottom // _GRID) * _GRID
    image = image.copy()
    image[top:bottom, left:right] = sheet.part((left, top, right, bottom))
    return image


def _show(take: Take, image: Image, caret: tuple[int, int, int], labels: list[Label], until: int, chosen: Look) -> None:
    """Show ``image`` until frame ``until``, with the caret where it is not off just then."""
    x, top, bottom = caret
    lit = image.copy()
    lit[top:bottom, x : x + max(round(chosen.zoom), 1)] = np.uint8(230 if chosen.dark else 20)
    while take.film.frames < min(until, _LENGTH):
        left = _BLINK - take.film.frames % _BLINK
        shown = lit if take.film.frames // _BLINK % 2 == 0 else image
        take.film.add(shown, labels, min(left, min(until, _LENGTH) - take.film.frames))


def _presses(take: Take, text: str) -> Iterator[str]:
    """Give the keys that are pressed to type ``text``: now and then a wrong one, or some are typed anew."""
    rng = take.rng
    for at, sign in enumerate(text):
        if rng.random() < 0.04:
            yield rng.choice("abcdefgh0123456789")
            yield "Backspace"
        if at > 4 and rng.random() < 0.02:
            again = rng.randrange(2, 5)
            yield from ["Backspace"] * again
            yield from text[at - again : at]
        yield sign


def _label(field: _Field, value: str, box: Box | None) -> Label | None:
    if field.secret is None or box is None:
        return None
    right = 0
    while right < len(value) and value[right] == field.text[right]:
        right += 1
    if not right:
        return None
    return Label(field.secret.id, field.secret.category, value, box, round(right / len(field.text), 3))


def _caret(sheet: Sheet, field: _Field) -> tuple[int, int, int]:
    x, top, bottom = (round(side * sheet.zoom) for side in sheet.page.evaluate(_CARET, field.id))
    return x + 1, top, bottom


def _scaled(box: list[float], zoom: float) -> Box:
    left, top, right, bottom = (round(side * zoom) for side in box)
    return (left, top, right, bottom)


def _fields(take: Take) -> list[_Field]:
    wanted = list(_FIELDS)
    take.rng.shuffle(wanted)
    fields = [_Field("f0", take.prose.name(), None)]
    for at, (_, category) in enumerate(wanted[:5]):
        secret = take.vault.take(category)
        fields.append(_Field(f"f{at + 1}", secret.text, secret))
    return fields


def _form(take: Take, fields: list[_Field]) -> str:
    prose = take.prose
    names = {category: name for name, category in _FIELDS}
    rows = "".join(
        f"<label>{names[field.secret.category] if field.secret else 'Name'}<br>"
        f'<input id="{field.id}" autocomplete="off" spellcheck="false"></label>'
        for field in fields
    )
    return f"""<div class="bar"><b>{prose.title()}</b><span>Step {prose.number(1, 4)} of 4</span><span>Help</span></div>
    <div class="row" style="padding:6px 20px"><div class="grow">{rows}<p class="button">Save</p></div>
    <div class="panel" style="width:40%"><h2>{prose.title()}</h2>
    <p>{prose.paragraph(3)}</p><p>{prose.order()}, {prose.date()}, {prose.price()}</p>
    <p class="dim">Signed in as {marked(take.vault.take("email"))}</p></div></div>{columns(prose)}"""


def _style(chosen: Look) -> str:
    return f"""<style>label {{ display: block; margin: 3px 0 }} label > input {{ caret-color: transparent;
    width: 95%; font: inherit; padding: 4px 8px; color: {chosen.text}; background: {chosen.panel};
    border: 1px solid {chosen.line}; border-radius: 4px }}
    input:focus {{ outline: 2px solid {chosen.accent} }}</style>"""
