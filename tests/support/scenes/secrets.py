"""Made-up secrets that are right in form: check digits hold, numbers are ones that could be dialled. Pure, no I/O.

They come from a seeded generator, so that none of them is written down anywhere. Phone numbers are from the blocks that
regulators keep free for fiction, e-mail addresses from the domains that RFC 2606 keeps free.
"""

import string
import zlib
from dataclasses import dataclass
from random import Random

import phonenumbers
from stdnum import iban as iban_check
from stdnum import luhn
from stdnum.eu import vat as vat_check
from stdnum.gb import vat as gb_vat_check
from stdnum.us import ssn as ssn_check

from tests.support.scenes.prose import FIRST_NAMES, LAST_NAMES

CATEGORIES = ("card-number", "email", "phone", "iban", "ssn", "vat", "key", "password")
KEY_STYLES = ("aws", "github", "stripe", "slack", "google", "openai")

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "studio.example.net")
_CARDS = (("4", 16), ("51", 16), ("53", 16), ("55", 16), ("2223", 16), ("6011", 16), ("34", 15), ("37", 15))
_FICTION = (  # region, national significant number with # for any digit; by NANPA, Ofcom, ACMA, ARCEP, BNetzA, PTS
    ("US", "21255501##"),
    ("US", "31255501##"),
    ("US", "41555501##"),
    ("US", "20255501##"),
    ("GB", "2079460###"),
    ("GB", "1614960###"),
    ("GB", "1214960###"),
    ("AU", "255501###"),
    ("FR", "19900####"),
    ("DE", "3023125###"),
    ("DE", "1713920###"),
    ("SE", "8465004##"),
)
_IBANS = (  # country, its account part: # a digit, A a letter
    ("DE", "##################"),
    ("GB", "AAAA##############"),
    ("NL", "AAAA##########"),
    ("AT", "################"),
    ("CH", "#################"),
    ("FR", "#######################"),
    ("IE", "AAAA##############"),
    ("PL", "########################"),
)
_VATS = ("DE#########", "ATU########", "BE0#########", "DK########", "FI########", "NL#########B0#", "PL##########")
_SYMBOLS = "!#$%&*+-?@"


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret: ``id`` is its own within its scene."""

    id: str
    category: str
    text: str


class Vault:
    """Gives the secrets of one scene, no two alike; the same generator state gives the same secrets."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: dict[str, Secret] = {}
        self._styles = list(KEY_STYLES)
        rng.shuffle(self._styles)

    def __getitem__(self, name: str) -> Secret:
        return self._given[name]

    def take(self, category: str) -> Secret:
        """Give a new secret of ``category``."""
        taken = {secret.text for secret in self._given.values()}
        while (text := self._text(category)) in taken:
            pass
        secret = Secret(f"{category}-{len(self._given)}", category, text)
        self._given[secret.id] = secret
        return secret

    def _text(self, category: str) -> str:
        if category == "key":
            self._styles.append(self._styles.pop(0))
            return key(self._rng, self._styles[-1])
        makers = {
            "card-number": card,
            "email": email,
            "phone": phone,
            "iban": iban,
            "ssn": ssn,
            "vat": vat,
            "password": password,
        }
        return makers[category](self._rng)


def card(rng: Random) -> str:
    """Give a payment card number (ISO/IEC 7812: Luhn), in groups or without, as shops and cards print it."""
    prefix, length = rng.choice(_CARDS)
    body = prefix + _digits(rng, length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    groups = (4, 6, 5) if length == 15 else (4, 4, 4, 4)
    return _grouped(number, groups, rng.choices((" ", "", "-"), (7, 2, 1))[0])


def email(rng: Random) -> str:
    """Give an e-mail address at a reserved domain."""
    first, last = rng.choice(FIRST_NAMES).lower(), rng.choice(LAST_NAMES).lower()
    local = rng.choice((f"{first}.{last}", f"{first[0]}{last}", f"{last}{rng.randrange(10, 99)}", f"{first}_{last}"))
    return f"{local}@{rng.choice(_DOMAINS)}"


def phone(rng: Random) -> str:
    """Give a phone number that `phonenumbers` calls valid; abroad as +CC, US and UK ones often in their own form."""
    while True:
        region, pattern = rng.choice(_FICTION)
        number = phonenumbers.parse(_filled(rng, pattern), region)
        if phonenumbers.is_valid_number(number):
            break
    national = region in ("US", "GB") and rng.random() < 0.5
    form = phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def iban(rng: Random) -> str:
    """Give an IBAN (ISO 13616), in groups of four or without."""
    while True:
        country, pattern = rng.choice(_IBANS)
        account = _filled(rng, pattern)
        number = f"{country}{iban_check.calc_check_digits(f'{country}00{account}')}{account}"
        if iban_check.is_valid(number):
            return _grouped(number, (4,) * 9, " " if rng.random() < 0.7 else "")


def ssn(rng: Random) -> str:
    """Give a US social security number of a form that was in use until 2011."""
    while True:
        number = f"{rng.randrange(1, 773):03}-{rng.randrange(1, 100):02}-{rng.randrange(1, 10000):04}"
        if ssn_check.is_valid(number):
            return number


def vat(rng: Random) -> str:
    """Give a VAT number of the EU or the United Kingdom, with its country before it."""
    if rng.random() < 0.3:
        while not gb_vat_check.is_valid(number := _digits(rng, 9)):
            pass
        return f"GB {number[:3]} {number[3:7]} {number[7:]}" if rng.random() < 0.5 else f"GB{number}"
    while not vat_check.is_valid(number := _filled(rng, rng.choice(_VATS))):
        pass
    return number


def key(rng: Random, style: str) -> str:
    """Give a key for a service's interface; ``style`` is one of ``KEY_STYLES``."""
    if style == "aws":
        return "AKIA" + _of(rng, string.ascii_uppercase + "234567", 16)
    if style == "github":  # the last six are the CRC-32 of the rest, in base 62
        body = _of(rng, _BASE62, 30)
        return f"{rng.choice(('ghp_', 'gho_', 'ghs_'))}{body}{_base62(zlib.crc32(body.encode())):0>6}"
    if style == "stripe":
        return rng.choice(("sk_live_", "rk_live_", "sk_test_")) + _of(rng, _LETTERS_AND_DIGITS, 24)
    if style == "slack":
        return f"xoxb-{_digits(rng, 11)}-{_digits(rng, 12)}-{_of(rng, _LETTERS_AND_DIGITS, 24)}"
    if style == "google":
        return "AIza" + _of(rng, _LETTERS_AND_DIGITS + "-_", 35)
    return rng.choice(("sk-", "sk-proj-")) + _of(rng, _LETTERS_AND_DIGITS, 40)


def password(rng: Random) -> str:
    """Give a password of 8 to 14 characters, with letters, digits and a sign or two; it starts with a letter."""
    body = [rng.choice(string.ascii_lowercase), rng.choice(string.digits), rng.choice(_SYMBOLS)]
    body += list(_of(rng, _LETTERS_AND_DIGITS + _SYMBOLS, rng.randrange(4, 11)))
    rng.shuffle(body)
    return rng.choice(string.ascii_letters) + "".join(body)


def _digits(rng: Random, count: int) -> str:
    return _of(rng, string.digits, count)


def _of(rng: Random, letters: str, count: int) -> str:
    return "".join(rng.choices(letters, k=count))


def _filled(rng: Random, pattern: str) -> str:
    """Return ``pattern`` with a digit for each # and, in an account number, a letter for each A."""
    kinds = {"#": string.digits}
    if "AAAA" in pattern:
        kinds["A"] = string.ascii_uppercase
    return "".join(rng.choice(kinds[sign]) if sign in kinds else sign for sign in pattern)


def _grouped(number: str, groups: tuple[int, ...], gap: str) -> str:
    parts = []
    for size in groups:
        parts.append(number[:size])
        number = number[size:]
    return gap.join(part for part in parts if part)


def _base62(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return digits
