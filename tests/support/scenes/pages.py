"""Web pages with secrets on them, and hard cuts from one to the next."""

from collections.abc import Callable

from tests.support.scenes.chrome import ZOOMS, Chrome, marked
from tests.support.scenes.look import columns, look
from tests.support.scenes.scene import RATE
from tests.support.scenes.sight import all_spotted
from tests.support.scenes.take import Take

LENGTH = 16 * RATE
_SHOWN = (2 * RATE, 4 * RATE)
_ZOOMED = (1.6, 2.0)
"""At these, one page of a scene is shown."""


def make(take: Take) -> None:
    """Show page after page, each at a zoom of its own, for 2 to 4 s."""
    pages = list(PAGES)
    take.rng.shuffle(pages)
    zooms = [zoom for zoom in ZOOMS if zoom not in _ZOOMED] * 2
    take.rng.shuffle(zooms)
    zooms.insert(take.rng.randrange(3), take.rng.choice(_ZOOMED))
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        for number, page in enumerate(pages):
            frames = min(take.rng.randrange(*_SHOWN), LENGTH - take.film.frames)
            chosen = look(take.rng, take.dark, zooms[number])
            sheet = chrome.sheet(chosen.zoom)
            sheet.show(f"{chosen.style}</head><body>{page(take)}")
            image, spots = sheet.taken()
            sheet.close()
            take.film.add(image, all_spotted(take.vault, spots), frames)


def _s(take: Take, category: str) -> str:
    return marked(take.vault.take(category))


def _side(take: Take, words: str) -> str:
    items = "".join(f"<p>{word}</p>" for word in words.split(","))
    build = f'<p class="dim">v{take.prose.number(2, 9)}.4</p>'
    return f'<div class="side" style="height:100vh;min-width:9em">{items}{build}</div>'


def _mail(take: Take) -> str:
    prose = take.prose
    rows = "".join(
        f"<p><b>{prose.name()}</b> <span class=dim>{prose.time()}</span><br>{prose.title()}</p>" for _ in range(9)
    )
    return f"""<div class="bar"><b>Post</b><span>Inbox ({prose.number(2, 60)})</span><span>Search mail</span></div>
    <div class="row">{_side(take, "Inbox,Starred,Sent,Drafts,Archive,Spam")}
    <div style="min-width:15em;padding:6px">{rows}</div>
    <div class="grow"><h1>{prose.title()}</h1>
    <p><b>{prose.name()}</b> &lt;{_s(take, "email")}&gt; <span class="dim">{prose.date()}</span></p>
    <p class="dim">to {_s(take, "email")}</p><p>Hello {prose.first_name()},</p><p>{prose.paragraph(3)}</p>
    <p>You can call me on {_s(take, "phone")}.</p>
    <p>{prose.paragraph(2)}</p><p>The IBAN is<br>{_s(take, "iban")}</p>
    <p>Best wishes<br>{prose.name()}<br><span class="dim">{prose.address()}<br>
    Tel. {_s(take, "phone")}</span></p></div></div>"""


def _shop(take: Take) -> str:
    prose = take.prose
    items = "".join(
        f"<tr><td>{prose.thing()}<td>{prose.number(1, 5)} pcs<td>{prose.price()}</tr>"
        for _ in range(prose.number(4, 8))
    )
    return f"""<div class="bar"><b>Market Row</b><span>Home</span><span>Sale</span><span>Basket</span></div>
    <div style="padding:6px 20px"><h1>Checkout</h1><div class="row"><div class="panel grow"><h2>Contact</h2>
    <p>{prose.name()}, {prose.address()}</p><p>E-mail: {_s(take, "email")}</p><p>Phone: {_s(take, "phone")}</p>
    <h2>Payment</h2><p>Card number</p><p class="panel">{_s(take, "card-number")}</p>
    <p>Valid until {prose.number(1, 12):02}/{prose.number(27, 33)}</p><p class="dim">or the card you used before:</p>
    <p>{_s(take, "card-number")}</p><p class="button">Pay {prose.price()}</p></div>
    <div class="panel"><h2>Order {prose.order()}</h2><table>{items}</table><p>Total {prose.price()}</p>
    <p class="dim">Delivery on {prose.date()}</p></div></div></div>{columns(take.prose)}"""


def _invoice(take: Take) -> str:
    prose = take.prose
    items = "".join(
        f"<tr><td>{at + 1}<td>{prose.thing()}<td>{prose.order()}<td>{prose.number(1, 30)}<td>{prose.price()}</tr>"
        for at in range(prose.number(5, 9))
    )
    return f"""<div style="padding:8px 36px"><div class="row"><div class="grow"><h1>Invoice {prose.order()}</h1>
    <p>{prose.name()}<br>{prose.address()}</p></div><div><p>Date: {prose.date()}</p>
    <p>VAT no.: {_s(take, "vat")}</p><p>Customer's VAT no.: {_s(take, "vat")}</p></div></div>
    <p>Please pay to IBAN {_s(take, "iban")}</p><p>or to {_s(take, "iban")}.</p>
    <p>Questions? {_s(take, "email")}, {_s(take, "phone")}</p>
    <table style="width:100%"><tr><th>#<th>Item<th>Ref.<th>Qty<th>Price</tr>{items}</table>
    <h2>Total {prose.price()}</h2><p class="dim">{prose.paragraph(2)}</p></div>{columns(take.prose)}"""


def _admin(take: Take) -> str:
    prose = take.prose
    rows = "".join(
        f"<tr><td>{prose.number(1000, 9999)}<td>{prose.name()}<td>{_s(take, 'email')}<td>{_s(take, 'ssn')}"
        f"<td>{prose.date()}</tr>"
        for _ in range(7)
    )
    tiles = "".join(
        f'<div class="panel grow"><span class="dim">{word}</span><h1>{prose.number(20, 99_000)}</h1></div>'
        for word in ("Visits", "Orders", "Errors")
    )
    return f"""<div class="row">{_side(take, "Overview,People,Orders,Reports,Settings")}<div class="grow">
    <h1>People</h1><div class="row">{tiles}</div>
    <table class="panel"><tr><th>Id<th>Name<th>E-mail<th>SSN<th>Since</tr>{rows}</table>
    <p class="dim">Page 1 of {prose.number(3, 90)}, commit {prose.hash()}</p>{columns(take.prose)}</div></div>"""


def _settings(take: Take) -> str:
    prose = take.prose
    keys = "".join(
        f"<p>{prose.module().title()} <span class=dim>made on {prose.date()}</span><br>"
        f'<span class="mono">{_s(take, "key")}</span></p>'
        for _ in range(5)
    )
    return f"""<div class="bar"><b>Settings</b><span>Profile</span><span>Keys</span><span>Billing</span></div>
    <div style="padding:6px 20px"><div class="row"><div class="grow"><h1>API keys</h1><div class="panel">{keys}</div>
    <p class="button">New key</p></div><div class="panel"><h2>Database</h2><p>User: {prose.module()}</p>
    <p>Password: <span class="mono">{_s(take, "password")}</span></p><h2>Mail server</h2>
    <p>Login: {_s(take, "email")}</p><p>Password: <span class="mono">{_s(take, "password")}</span></p>
    <p class="dim">Build {prose.hash(10)}</p></div></div></div>{columns(take.prose)}"""


def _contacts(take: Take) -> str:
    prose = take.prose
    cards = "".join(
        f"<div class=panel><b>{prose.name()}</b><br><span class=dim>{prose.address()}</span><br>"
        f"{_s(take, 'email')}<br>{_s(take, 'phone')}</div>"
        for _ in range(9)
    )
    return f"""<div class="row">{_side(take, "All,Family,Work,Club,Deleted")}<div class="grow"><h1>Contacts</h1>
    <div style="display:flex;flex-wrap:wrap;gap:10px">{cards}</div>{columns(take.prose)}</div></div>"""


def _bank(take: Take) -> str:
    prose = take.prose
    rows = "".join(
        f"<tr><td>{prose.date()}<td>{prose.name()}<td>{_s(take, 'iban')}<td>{prose.order()}<td>{prose.price()}</tr>"
        for _ in range(6)
    )
    return f"""<div class="bar"><b>Harbour Bank</b><span>Accounts</span><span>Transfers</span><span>Log out</span></div>
    <div style="padding:6px 20px"><h1>Current account</h1><p>IBAN {_s(take, "iban")}</p>
    <p>Balance <b>{prose.price()}</b> on {prose.date()}</p><p>Card {_s(take, "card-number")}, valid until 09/29</p>
    <table class="panel"><tr><th>Date<th>Name<th>Account<th>Reference<th>Amount</tr>{rows}</table></div>
    {columns(take.prose)}"""


PAGES: tuple[Callable[[Take], str], ...] = (_mail, _shop, _invoice, _admin, _settings, _contacts, _bank)
