"""Puts the finders together: which kinds there are, and what of their matches remains. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from filters.errors import SpecError
from filters.secrets import cards, contacts, entropy, keys, labels, numbers, passwords, phones, suspicion
from filters.secrets.confusion import plain
from filters.secrets.custom import Allowed, Patterns, Words
from filters.secrets.match import Match, merged

Finder = Callable[[str], Iterable[Match]]

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "card": cards.CATEGORY,
        "email": contacts.CATEGORY,
        "phone": phones.CATEGORY,
        "iban": numbers.IBAN,
        "ssn": numbers.SSN,
        "vat": numbers.VAT,
        "key": keys.CATEGORY,
        "password": passwords.CATEGORY,
    }
)
"""Which category the matches of a kind have."""
KINDS: tuple[str, ...] = tuple(CATEGORIES)
DEFAULT_KINDS: tuple[str, ...] = tuple(kind for kind in KINDS if kind != "vat")
"""All but VAT numbers, which a firm has to publish."""

_FIELDS: Mapping[str, Finder] = MappingProxyType(
    {
        cards.CATEGORY: cards.number,
        contacts.CATEGORY: contacts.find,
        phones.CATEGORY: phones.number,
        numbers.IBAN: numbers.ibans,
        numbers.SSN: numbers.ssn_field,
        numbers.VAT: numbers.vat_field,
        keys.CATEGORY: keys.value,
    }
)
"""What is looked for beside a label of a category: less is asked of it than elsewhere."""


class Matcher:
    """Tells which parts of a line of recognised text are secrets.

    kinds: some of ``KINDS``. words: whole words and phrases to hide, in any case. patterns: regular expressions of what
    to hide. allow: what to leave alone: literal texts, ``@example.com`` for all of a domain, or ``/…/`` for regular
    expressions that are searched for in what was found. region: the country whose telephone numbers are written without
    a country code, as in US (ISO 3166-1).

    Raises SpecError, which repeats none of them but kinds and region.
    """

    def __init__(
        self,
        *,
        kinds: Sequence[str] = DEFAULT_KINDS,
        words: Sequence[str] = (),
        patterns: Sequence[str] = (),
        allow: Sequence[str] = (),
        region: str = "US",
    ) -> None:
        for kind in kinds:
            if kind not in CATEGORIES:
                raise SpecError(f"{kind!r} is none of the kinds: choose from {', '.join(KINDS)}")
        self._phones = phones.Phones(region)
        finders: dict[str, Finder] = {
            "card": cards.find,
            "email": contacts.find,
            "phone": self._phones.find,
            "iban": numbers.ibans,
            "ssn": numbers.ssns,
            "vat": numbers.vats,
            "key": keys.find,
            "password": passwords.find,
        }
        self._kinds = frozenset(kinds)
        self._finders = [find for kind, find in finders.items() if kind in self._kinds]
        self._finders += [Words(words).find, Patterns(patterns).find]
        self._allowed = Allowed(allow)

    def find(self, text: str) -> list[Match]:
        """Return the secrets in a text, sorted; those that overlap are one."""
        seen = plain(text)
        return self._kept(text, (match for find in self._finders for match in find(seen)))

    def cut(self, text: str) -> list[Match]:
        """Return what else is a secret in a text whose beginning is out of sight, and with it what would tell that."""
        seen = plain(text)
        found = list(passwords.cut(seen)) if "password" in self._kinds else []
        if "key" in self._kinds:
            found += entropy.cut(seen)
        if "phone" in self._kinds:
            found_so = (match for match in self._phones.find(f"+{seen}") if match.start == 0 and not match.partial)
            whole = (match for match in found_so if len(seen[: match.end].split()) > 2)
            found += [match._replace(end=match.end - 1) for match in whole]
        return self._kept(text, found)

    def doubtful(self, text: str) -> list[tuple[int, int]]:
        """Return where a better reading would be worth its time: what is a secret, or might be one, read better."""
        found = [Match("", match.start, match.end, 0.0) for match in self.find(text)]
        found += [Match("", *span, 0.0) for span in suspicion.spans(plain(text), self._kinds)]
        return [(match.start, match.end) for match in merged(found)]

    def label(self, text: str) -> str | None:
        """Return the category of the secret that a text is the label of, or ends with the label of.

        None if it is none, or one of a kind that is not looked for.
        """
        category = labels.label(plain(text))
        return category if category in {CATEGORIES[kind] for kind in self._kinds} else None

    def value(self, category: str, text: str) -> list[Match]:
        """Return what in a text beside or below a label of that category is the secret."""
        seen = plain(text)
        return self._kept(text, _FIELDS.get(category, passwords.value)(seen))

    def _kept(self, text: str, matches: Iterable[Match]) -> list[Match]:
        return merged(
            [
                match
                for match in matches
                if not self._allowed.covers(text[match.start : match.end], partial=match.partial)
            ]
        )
