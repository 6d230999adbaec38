"""Makes texts as screens show them. Nothing here is anybody's: numbers, keys and names come from a generator."""

import base64
import string
from functools import cache
from pathlib import Path
from random import Random

from training.alphabet import ALPHABET, ASCII, numbers

_WORDS = Path("/usr/share/dict/words")
_BASE62 = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_ALIKE = "0Oo1lIi|5S8B2Z6G9gqvVwWxXcCkKpPsSuUzZ.,:;'`-_~"
_NARROW = ("ll", "ll", "ii", "il", "li", "lil", "tt", "ff", "rn", "11", "rr", "ss", "ee", "oo", "00", "ill", "jj", "I",
           "mm")  # fmt: skip
_LATIN = ALPHABET[len(ASCII) :]
_ONSETS = ("", "b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "qu",
           "r", "s", "sh", "st", "str", "t", "th", "tr", "v", "w", "wh", "x", "y", "z")  # fmt: skip
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "io", "oo", "ou", "ä", "ö", "ü", "é", "è", "å", "ø", "ñ", "ç")
_CODAS = ("", "", "b", "ck", "d", "ff", "g", "ll", "ld", "m", "n", "ng", "nt", "p", "r", "rd", "s", "ss", "st", "t")
_KEYWORDS = ("def", "return", "if", "else", "for", "import", "from", "class", "const", "let", "function", "async",
             "await", "while", "public", "static", "void", "int", "string", "None", "True", "self", "export", "sudo",
             "git", "docker", "npm", "pip", "curl", "ssh", "cd", "ls", "cat", "echo", "grep", "kubectl")  # fmt: skip
_LABELS = ("password", "Password:", "pass", "PIN", "API key", "token", "secret", "Username", "login", "E-mail",
           "Card number", "IBAN", "SSN", "Phone", "VAT no.", "CVC", "Expires", "PASSWD=", "SECRET_KEY", "Access token",
           "Bearer", "Authorization:", "Passwort", "Kontonummer", "Total", "Date", "Order", "User", "Name",
           "Address", "Tel.", "Mobile", "Fax", "Account")  # fmt: skip
_LEVELS = ("INFO", "WARN", "ERROR", "DEBUG", "[info]", "[warn]", "TRACE", "FATAL")
_ENDS = ("com", "org", "net", "io", "de", "co.uk", "fr", "eu", "dev", "edu", "se", "app", "info")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUFFIXES = (".py", ".js", ".txt", ".md", ".json", ".yaml", ".log", ".conf", ".env", ".pem", ".c", "")


@cache
def _dictionary() -> tuple[str, ...]:
    if not _WORDS.is_file():
        return ()
    words = _WORDS.read_text().split()
    return tuple(word for word in words if all(character in ALPHABET for character in word))


class Texts:
    """A generator of lines."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._kinds = (
            (self._prose, 20),
            (self._random_signs, 8),
            (self._alike, 5),
            (self._email, 12),
            (self._card, 7),
            (self._phone, 7),
            (self._account, 7),
            (self._number, 8),
            (self._key, 12),
            (self._labelled, 8),
            (self._password, 5),
            (self._log, 6),
            (self._code, 8),
            (self._prompt, 4),
            (self._url, 5),
            (self._date, 4),
            (self._title, 5),
            (self._latin, 4),
        )

    def line(self, most: int) -> str:
        """Return a line of ``most`` characters at most, one at least."""
        kinds, weights = zip(*self._kinds, strict=True)
        text = self._random.choices(kinds, weights)[0]()
        while len(text) < most and self._random.random() < 0.6:
            between = self._random.choice((" ", " ", " ", ", ", " - ", ": ", "; ", " | ", " / ", " = "))
            text += between + self._random.choices(kinds, weights)[0]()
        if len(text) > most:
            start = self._random.choice((0, self._random.randrange(len(text) - most + 1)))
            text = text[start : start + most]
        text = " ".join(text.split())
        numbers(text)  # nothing else is in it
        return text or self._random.choice(ASCII[1:])

    def _some(self, signs: str, least: int, most: int) -> str:
        return "".join(self._random.choices(signs, k=self._random.randint(least, most)))

    def _digits(self, count: int) -> str:
        return "".join(self._random.choices(string.digits, k=count))

    def _word(self) -> str:
        word = self._plain_word()
        if self._random.random() < 0.1:  # letters that are easily taken for fewer of them, or for others
            at = self._random.randrange(len(word) + 1)
            word = word[:at] + self._random.choice(_NARROW) + word[at:]
        return word

    def _plain_word(self) -> str:
        words = _dictionary()
        if words and self._random.random() < 0.6:
            return self._random.choice(words)
        made = ""
        for _ in range(self._random.choice((1, 1, 2, 2, 3))):
            nuclei = _NUCLEI[:11] if self._random.random() < 0.9 else _NUCLEI
            made += self._random.choice(_ONSETS) + self._random.choice(nuclei) + self._random.choice(_CODAS)
        return made

    def _name(self) -> str:
        return self._word().capitalize()

    def _cased(self, word: str) -> str:
        case = self._random.random()
        return word if case < 0.8 else word.capitalize() if case < 0.9 else word.upper()

    def _prose(self) -> str:
        words = []
        for _ in range(self._random.randint(1, 9)):
            word = self._cased(self._word())
            if self._random.random() < 0.15:
                word += self._random.choice((",", ".", ";", ":", "!", "?", "...", "'s", ")", '"'))
            if self._random.random() < 0.05:
                word = self._random.choice(("(", '"', "'", "*", "#", "@", "§", "«", "• ", "- ")) + word
            words.append(word)
        text = " ".join(words)
        return text[0].upper() + text[1:] if self._random.random() < 0.5 else text

    def _title(self) -> str:
        words = [self._name() for _ in range(self._random.randint(1, 4))]
        return " ".join(words).upper() if self._random.random() < 0.3 else " ".join(words)

    def _random_signs(self) -> str:
        return " ".join(self._some(ASCII[1:], 1, 12) for _ in range(self._random.randint(1, 4)))

    def _alike(self) -> str:
        return " ".join(self._some(_ALIKE, 2, 10) for _ in range(self._random.randint(1, 4)))

    def _latin(self) -> str:
        words = []
        for _ in range(self._random.randint(1, 6)):
            word = list(self._word())
            for _ in range(self._random.randint(0, 3)):
                word[self._random.randrange(len(word))] = self._random.choice(_LATIN)
            words.append("".join(word))
        return " ".join(words)

    def _host(self) -> str:
        host = self._word().lower()
        if self._random.random() < 0.3:
            host += self._random.choice((".", "-")) + self._word().lower()
        if self._random.random() < 0.1:
            host += self._digits(self._random.randint(1, 3))
        return f"{host}.{self._random.choice(_ENDS)}".encode("ascii", "ignore").decode()

    def _email(self) -> str:
        parts = [self._word() for _ in range(self._random.choice((1, 2, 2, 3)))]
        user = self._random.choice("._-+._").join(parts)
        if self._random.random() < 0.35:
            user += self._random.choice(("", ".", "_", "-", "+")) + self._digits(self._random.randint(1, 4))
        if self._random.random() < 0.15:
            user = self._some(_BASE62 + "._-", 3, 14)
        user = (user.lower() if self._random.random() < 0.8 else user).encode("ascii", "ignore").decode()
        text = f"{user}@{self._host()}"
        return self._random.choice((text, text, text, f"<{text}>", f"mailto:{text}", f"({text})", f'"{text}"'))

    def _grouped(self, text: str, size: int, by: str) -> str:
        return by.join(text[at : at + size] for at in range(0, len(text), size))

    def _card(self) -> str:
        number = self._random.choice(("4", "51", "55", "22", "60", "35", "37", "34"))
        number += self._digits(16 - len(number))
        by = self._random.choice((" ", " ", " ", "-", "", "."))
        if number[0] == "3" and self._random.random() < 0.7:
            return by.join((number[:4], number[4:10], number[10:15]))
        return self._grouped(number, 4, by)

    def _phone(self) -> str:
        a, b, c, d = self._digits(3), self._digits(3), self._digits(4), self._digits(2)
        return self._random.choice(
            (f"+1 {a} {b} {c}", f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"+1-{a}-{b}-{c}", f"+44 20 {c} {c[::-1]}",
             f"{a}.{b}.{c}", f"+49 {a} {b}{c}", f"+{d} {a} {d} {c}", f"0{a}/{b}{d}",
             f"+33 {d[0]} {d} {d[::-1]} {c[:2]} {c[2:]}", f"+{d}{a}{b}{c}", f"0{a} {b} {c}", f"+44 ({d[0]}){a} {b} {c}")
        )  # fmt: skip

    def _account(self) -> str:
        kind = self._random.random()
        letters, digits = string.ascii_uppercase, string.digits
        if kind < 0.45:
            bank = self._some(letters, 4, 4) if self._random.random() < 0.5 else ""
            iban = self._some(letters, 2, 2) + self._digits(2) + bank + self._digits(self._random.randint(10, 22))
            return self._grouped(iban, 4, " ") if self._random.random() < 0.7 else iban
        if kind < 0.7:
            a, b, c = self._digits(3), self._digits(2), self._digits(4)
            return self._random.choice((f"{a}-{b}-{c}", f"{a} {b} {c}"))
        if kind < 0.9:
            return self._some(letters, 2, 3) + self._random.choice(("", " ")) + self._some(digits, 8, 12)
        return self._some(letters + digits, 6, 16)

    def _number(self) -> str:
        n = self._random.randint
        return self._random.choice(
            (self._digits(n(1, 10)), f"{n(0, 9999)}.{n(0, 99):02}", f"${n(0, 9999):,}.{n(0, 99):02}",
             f"€{n(0, 999)},{n(0, 99):02}", f"£{n(0, 9999)}", f"{n(0, 100)} %", f"{n(0, 100)}%", f"{n(1, 9)}x",
             f"{n(0, 255)}.{n(0, 255)}.{n(0, 255)}.{n(0, 255)}", f"{n(0, 255)}.{n(0, 255)}.0.1:{n(1, 65535)}",
             f"{n(0, 99)} ms", f"{n(0, 999)} MB", f"#{n(1, 99999)}", f"{n(1, 9)}/{n(1, 9)}", f"-{n(0, 99)}°",
             f"0x{self._some(_HEX, 2, 8)}", f"v{n(0, 20)}.{n(0, 30)}.{n(0, 9)}", f"[{n(0, 999)}]", f"{n(0, 1000000)}")
        )  # fmt: skip

    def _key(self) -> str:
        upper = string.ascii_uppercase + string.digits
        raw = bytes(self._random.randrange(256) for _ in range(self._random.randint(12, 40)))
        made = self._random.choice(
            (
                lambda: self._random.choice(("AKIA", "ASIA")) + self._some(upper, 16, 16),
                lambda: self._random.choice(("ghp_", "gho_", "github_pat_")) + self._some(_BASE62, 36, 36),
                lambda: (
                    self._random.choice(("sk_live_", "pk_test_", "rk_live_", "whsec_")) + self._some(_BASE62, 16, 32)
                ),
                lambda: "xox" + self._random.choice("bap") + f"-{self._digits(11)}-{self._some(_BASE62, 20, 26)}",
                lambda: "AIza" + self._some(_BASE62 + "-_", 35, 35),
                lambda: self._random.choice(("sk-", "sk-proj-", "sk-ant-")) + self._some(_BASE62, 24, 44),
                lambda: "eyJ" + base64.urlsafe_b64encode(raw).decode().rstrip("="),
                lambda: base64.b64encode(raw).decode(),
                lambda: self._some(_HEX, 16, 40),
                lambda: self._some(_HEX.upper(), 8, 32),
                lambda: "-".join(self._some(_HEX, n, n) for n in (8, 4, 4, 4, 12)),
                lambda: self._some(_BASE62, 16, 40),
                lambda: self._grouped(self._some(upper, 20, 25), 5, "-"),
                lambda: ":".join(self._some(_HEX, 2, 2) for _ in range(self._random.randint(6, 16))),
            )
        )()
        if self._random.random() < 0.25:
            name = "_".join(self._word() for _ in range(self._random.randint(1, 3))).upper()
            made = self._random.choice(
                (f"{name}={made}", f'{name}="{made}"', f"export {name}={made}", f"{name}: {made}")
            )
        return made

    def _password(self) -> str:
        if self._random.random() < 0.5:
            return self._some(ASCII[1:], 6, 18)
        word = self._cased(self._word())
        if self._random.random() < 0.5:
            word += self._random.choice("-_.!") + self._cased(self._word())
        return word + self._digits(self._random.randint(1, 4)) + self._some("!#$%&*+-?@", 0, 2)

    def _labelled(self) -> str:
        label = self._random.choice(_LABELS)
        value = self._random.choice(
            (self._password, self._key, self._card, self._phone, self._account, self._email, self._number, self._name)
        )()
        return label + self._random.choice((" ", ": ", "=", " = ", " - ")) + value

    def _time(self) -> str:
        n = self._random.randint
        return f"{n(0, 23):02}:{n(0, 59):02}" + self._random.choice(
            ("", f":{n(0, 59):02}", f":{n(0, 59):02}.{n(0, 999):03}")
        )

    def _date(self) -> str:
        n = self._random.randint
        year, month, day = n(1950, 2035), n(1, 12), n(1, 28)
        date = self._random.choice(
            (f"{year}-{month:02}-{day:02}", f"{day}.{month}.{year}", f"{month}/{day}/{year % 100:02}",
             f"{_MONTHS[month - 1]} {day}, {year}", f"{day} {_MONTHS[month - 1]} {year}", f"{month:02}/{year % 100:02}")
        )  # fmt: skip
        return self._random.choice((date, date + " " + self._time(), self._time(), date + "T" + self._time() + "Z"))

    def _log(self) -> str:
        module = self._word().lower()
        said = " ".join(self._word() for _ in range(self._random.randint(1, 5)))
        value = self._random.choice((self._number, self._email, self._path, self._host))()
        return f"{self._date()} {self._random.choice(_LEVELS)} {module}: {said} {value}"

    def _path(self) -> str:
        parts = [self._word().lower() for _ in range(self._random.randint(1, 4))]
        return self._random.choice(("/", "~/", "./", "C:\\", "")) + "/".join(parts) + self._random.choice(_SUFFIXES)

    def _prompt(self) -> str:
        user, host = self._word().lower(), self._word().lower()
        lead = self._random.choice(
            (f"{user}@{host}:{self._path()}$ ", "$ ", "> ", ">>> ", f"[{user}@{host} ~]# ", "# ")
        )
        words = [self._random.choice(_KEYWORDS)]
        for _ in range(self._random.randint(0, 4)):
            some = (self._word, self._path, lambda: "-" + self._some(_BASE62, 1, 2), lambda: "--" + self._word())
            words.append(self._random.choice(some)())
        return lead + " ".join(words)

    def _identifier(self) -> str:
        words = [self._word() for _ in range(self._random.randint(1, 3))]
        style = self._random.random()
        if style < 0.5:
            return "_".join(words).lower()
        if style < 0.8:
            return words[0].lower() + "".join(word.capitalize() for word in words[1:])
        return "_".join(words).upper()

    def _code(self) -> str:
        a, b, c = self._identifier(), self._identifier(), self._identifier()
        value = self._random.choice(
            (self._number, self._key, lambda: f'"{self._word()}"', lambda: f"'{self._path()}'")
        )()
        return self._random.choice(
            (f"{a} = {b}({c}, {value})", f"def {a}({b}: {c}) -> {c}:", f"if ({a} != {b} && !{c}) {{", f"{a}: {value},",
             f"return {a}.{b}[{value}];", f"for {a} in {b}.{c}():", f'"{a}": {value},', f"<{a} {b}=\"{c}\">",
             f"// {a} {b}", f"import {a}, {b} from '{c}'", f"{a} += {value} * {b} % {c}", f"}} else {{ {a}(); }}",
             f"# {a} {b}: {c}", f"{a}\\{b}\\{c}", f"const {a} = ({b}) => {c}?.{a} ?? {value};",
             f"{a}|{b} ~{c} ^{a}", f"`{a}` ${{{b}}} @{c}")
        )  # fmt: skip

    def _url(self) -> str:
        url = self._random.choice(("https://", "http://", "www.", "")) + self._host()
        if self._random.random() < 0.7:
            url += "/" + "/".join(self._word().lower() for _ in range(self._random.randint(1, 3)))
        if self._random.random() < 0.3:
            url += f"?{self._word()}={self._some(_BASE62, 1, 12)}&{self._some(_BASE62, 1, 3)}={self._word()}"
        return url
