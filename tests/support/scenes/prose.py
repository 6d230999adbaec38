"""Ordinary text from a seeded generator: sentences, names, numbers that are no secret, code, logs. Pure, no I/O."""

from random import Random

FIRST_NAMES = (
    *("Alma", "Benno", "Carla", "Dario", "Edith", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Lars", "Mona"),
    *("Nils", "Olive", "Pavel", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wanda", "Xenia", "Yusuf", "Zoe"),
)
LAST_NAMES = (
    *("Abbott", "Brandt", "Castell", "Dorn", "Ekholm", "Ferrant", "Gruber", "Hollis", "Ivarsen", "Jarvis", "Keller"),
    *("Lindgren", "Marlow", "Novak", "Okafor", "Pritchard", "Quist", "Rossi", "Stone", "Thorpe", "Unger", "Vance"),
    *("Winter", "Yates", "Zeller"),
)
_SUBJECTS = (
    *("The printer on the second floor", "Our supplier", "The night train", "A neighbour's cat", "The committee"),
    *(
        "The new camera",
        "Half of the team",
        "The garden",
        "Yesterday's rehearsal",
        "The bakery",
        "Nobody in the office",
    ),
)
_VERBS = (
    *("waits for", "has lost", "prefers", "is talking about", "cannot find", "has replaced", "will pay for", "likes"),
    *("was shown", "borrowed", "keeps asking for", "never mentions"),
)
_OBJECTS = (
    *("the blue folder", "a second cup of tea", "the old schedule", "twelve chairs", "the longer route", "rain"),
    *("a quieter microphone", "the map of the harbour", "last month's figures", "the spare lamp", "warm bread"),
)
_ENDINGS = ("", "", " again", " before noon", " on Friday", " for once", ", of course", " since March", " after all")
_THINGS = (
    *("Desk lamp", "Wool blanket", "Tripod", "Notebook, ruled", "Tea kettle", "USB cable 2 m", "Rain jacket", "Mug"),
    *("Bicycle bell", "Seed mix", "Oak shelf", "Headphones", "Board game", "Paint, matt white", "Torch", "Backpack"),
)
_TITLES = (
    *("Quarterly review", "Notes from the workshop", "Delivery times", "A short history", "Plans for the summer"),
    *("What changed", "Open questions", "Room bookings", "Recording guide", "Meeting minutes"),
)
_MODULES = ("mixer", "scheduler", "gateway", "encoder", "billing", "search", "mailer", "cache", "worker", "router")
_EVENTS = (
    *("started", "queue drained", "heartbeat ok", "retrying in 4 s", "connection closed by peer", "cache miss"),
    *("job finished", "reloaded configuration", "slow query: 812 ms", "listening on 127.0.0.1:9000"),
)
_CODE = (
    "def {a}_{b}(frame, limit={n}):",
    "    return [{a} for {a} in {b} if {a}.size > {n}]",
    "class {A}{B}(Base):",
    "    self.{a} = {b}.get('{a}', {n})",
    "for {a} in range({n}, {m}):",
    "    {b} += {a} * {n}",
    "if not {a} or len({b}) < {n}:",
    "    raise ValueError(f'no {a} in {b}')",
    "import {a}.{b} as {b}{n}",
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Prose:
    """What one scene says besides its secrets."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def sentence(self) -> str:
        pick = self._rng.choice
        return f"{pick(_SUBJECTS)} {pick(_VERBS)} {pick(_OBJECTS)}{pick(_ENDINGS)}."

    def paragraph(self, sentences: int) -> str:
        return " ".join(self.sentence() for _ in range(sentences))

    def title(self) -> str:
        return self._rng.choice(_TITLES)

    def name(self) -> str:
        return f"{self._rng.choice(FIRST_NAMES)} {self._rng.choice(LAST_NAMES)}"

    def first_name(self) -> str:
        return self._rng.choice(FIRST_NAMES)

    def thing(self) -> str:
        return self._rng.choice(_THINGS)

    def module(self) -> str:
        return self._rng.choice(_MODULES)

    def number(self, low: int, high: int) -> int:
        return self._rng.randrange(low, high)

    def price(self) -> str:
        return f"{self._rng.choice('€$£')}{self._rng.randrange(2, 900)}.{self._rng.choice(('00', '49', '90', '95'))}"

    def date(self) -> str:
        rng = self._rng
        day, month, year = rng.randrange(1, 29), rng.randrange(12), rng.randrange(2019, 2027)
        return rng.choice((f"{day} {_MONTHS[month]} {year}", f"{year}-{month + 1:02}-{day:02}"))

    def time(self) -> str:
        return f"{self._rng.randrange(24):02}:{self._rng.randrange(60):02}"

    def order(self) -> str:
        return f"{self._rng.choice(('ORD', 'INV', 'REF', 'PO'))}-{self._rng.randrange(10_000, 999_999)}"

    def hash(self, length: int = 12) -> str:
        return "".join(self._rng.choices("0123456789abcdef", k=length))

    def address(self) -> str:
        rng = self._rng
        return f"{rng.randrange(1, 240)} {rng.choice(LAST_NAMES)} {rng.choice(('Street', 'Lane', 'Road', 'Row'))}"

    def code(self) -> str:
        """Give a line of Python; it need not go with the line before."""
        rng = self._rng
        a, b = rng.sample(_MODULES, 2)
        n = rng.randrange(2, 90)
        return rng.choice(_CODE).format(a=a, b=b, A=a.title(), B=b.title(), n=n, m=n + rng.randrange(3, 400))

    def log(self) -> str:
        """Give a line of a log."""
        rng = self._rng
        stamp = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} {self.time()}:{rng.randrange(60):02}"
        level = rng.choice(("INFO ", "INFO ", "DEBUG", "WARN "))
        return f"{stamp} {level} {self.module()}[{rng.randrange(100, 9999)}] {rng.choice(_EVENTS)} id={self.hash(8)}"

    def setting(self) -> tuple[str, str]:
        """Give a setting's name and a value that is no secret."""
        rng = self._rng
        name = f"{self.module()}_{rng.choice(('timeout', 'workers', 'level', 'path', 'retries', 'limit'))}"
        return name, rng.choice((str(rng.randrange(1, 5000)), "true", "debug", f"/srv/{self.module()}", "auto"))
