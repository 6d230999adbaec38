"""Finds passwords, PINs and codes beside what they are called. Pure.

A password looks like anything: that it is one is known only by its label. So what counts is what it is not: prose, a
part of a program, a placeholder, stars.
"""

import re
from collections.abc import Iterator

from filters.secrets import labels
from filters.secrets.confusion import as_digits, count_digits
from filters.secrets.labels import BEGIN, LETTERED, NAMES, NUMBERED, QUESTION, SHORT, WORDS
from filters.secrets.match import Match

CATEGORY = labels.CATEGORY

_AFTER = r"(?:[_\-](?:prod|dev|test|live|old|new|confirm(?:ation)?|\d))?"
_IS = r"(?:[\"'\])]{0,2} ?(?::=|=>|[:=]) ?| ?[;.] (?=\S)| {2,}|[\"']\s*:\s*| (?:is|was|lautet|ist|es|est)(?: now)?:? )"
_BESIDE = re.compile(
    rf"(?i)(?:{BEGIN}(?P<name>{LETTERED}|{SHORT}){_AFTER}(?:\s?\([^()]{{1,20}}\))?(?P<is>{_IS}| )"
    rf"(?:[\"'`](?P<quoted>[^\"'`\n]{{1,128}})[\"'`]?|(?P<bare>\S{{1,128}})))"
)
_CODE = re.compile(
    rf"(?i)(?<![^\W_])(?:{NUMBERED})(?:[\"']?\s?(?:[:=#]|is|"
    rf"ist)?\s{{0,3}}[\"']?)(?P<digits>[0-9OoIlSBZ|](?:[ \-]?[0-9OoIlSBZ|]){{2,7}})(?![\w.])"
)
_TORN_OFF = "|".join(name[cut:] for name in ("password", "passwort", "passwd") for cut in range(1, len(name) - 4))
_BEGUN = re.compile(rf"(?i)\A(?:{_TORN_OFF}) ?[:=] ?[\"'`]?(?P<bare>[^\s\"'`]{{5,128}})")
"""Of the label the beginning is out of sight: a window reaches out of the screen."""
_CUT = re.compile(r"(?P<is>\w{0,4} ?[:=] ?)?(?P<bare>[^\s\"'`:/()\[\]{}<>]{8,64})(?=\s|\Z)")
_NAMED = re.compile(r"[\w.\-]+[*~]?")
"""A file as programs list them."""
_AT = re.compile(r"\w+@[\w.\-]+")
"""Somebody's name on a machine, a package with its version; where it is not what something is set to."""
_MIXED = r"[a-z]", r"[A-Z]", r"[0-9]", r"[!@#$%^&*?+~]"
_SYMBOLS = 3  # different ones: such a one needs no digit, or the reader has missed it
_COMMANDS = re.compile(
    r"(?i)(?:--?(?:password|passwd|passphrase|pass|pwd)[= ]|\bsshpass -p ?|\bmysql\w*\b[^|;]{0,80}? -p(?=\S)|"
    r"\b(?:docker|podman|helm|az|redis-cli)\b[^|;]{0,60}? (?:-p|-a) |\bIDENTIFIED BY )[\"']?(?P<value>[^\s\"']{3,128})|"
    r"\b(?:curl|wget|http)\b[^|;]{0,200}? (?:-u|--user|-a) ?[\"']?(?P<user>[^\s:\"']{1,64}:[^\s\"']{2,128})"
)
_NEVER_PASSWORDS = """
required optional show hide hidden forgot forgotten reset change changed incorrect wrong invalid empty none null nil
undefined true false yes no not must should may can could will has have is are was were be been and or the a an for to
of in on at by with from your my our their his her its this that these those please enter type confirm repeat new old
current strength length minimum maximum min max characters letters protected protection manager managers policy
policies field input value str string bytes text int bool boolean object any self args user username email e-mail name
login log sign set unset get update updated expired expires expiry never always if when then else return hash hashed
hashing hasher file prompt reader store storage generator generated authentication auth based encryption encrypted
saved stored remember autofill copied copy paste disabled enabled ok okay weak medium strong here below above word
words number numbers code codes attempt attempts failed failure error mismatch match matches matched does do did
doesn't don't too short long again later link request recovery less only also but because than as it we you they i
which what who how why where after before during without missing redacted masked removed filtered oder und ist der die
das vergessen ändern anzeigen obligatoire oublié olvidado olvidada requerida xxx todo placeholder example default
varchar char sha1 sha256 sha512 md5 bcrypt argon2 scrypt base64 utf8 utf-8 oauth2 const let var def class function
import export public private static final void fn pub async await securestring sensitive sensitivestr secretstr
encoded decoded plain plaintext cleartext
cancel submit continue next back save edit view close delete add done apply send copy open help home settings account
security general privacy terms register signup signin generate regenerate rotate revoke download upload search menu
"""
_NEVER = frozenset(_NEVER_PASSWORDS.split())
_MASK = re.compile(r"[*\N{BULLET}\N{BLACK CIRCLE}\N{MIDDLE DOT}\N{WHITE CIRCLE}.xX#\-_?…]+")
_VARIABLE = re.compile(
    r"\$[\w{(]|%\w+%|\{\{?|<|\[|\(|&lt;|@\{|process\.|os\.|env\.|System\.|var\.|self\.|this\.|ENC\[|!Ref|\\n"
)
_CALL = re.compile(r"[A-Za-z_][\w.]*(?:\(|\[|->|::)")
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[,;)]*")
_IDENTIFIER = re.compile(r"[a-z]+(?:_[a-z]+)+[,;)]*|[a-z]+(?:[A-Z][a-z]+)+[,;)]*|_+\w+|[A-Z]+(?:_[A-Z0-9]+)+[,;)]*")
_CODE_BEFORE = re.compile(
    r"(?:\b(?:def|fn|func|function|if|elif|while|assert|return|lambda|import|from)\b|self\.|this\.)[^\"']*\Z"
)
_NEAR = re.compile(r"[\w\-]{0,8}[\"']?\s{0,3}[:=;.,>]{0,2}\s{0,3}[\"']?(?P<token>[^\s\"']{4,})")
_TORN = re.compile(r"([^\s:=()\[\]{},;]{1,32}) ([^\s:=()\[\]{},;]{1,32})\s*")
_TAIL = ",;)]}>\"'`"
_SYMBOL = re.compile(r"[^\w\s.,:;'\"()\-/]")


def find(text: str) -> Iterator[Match]:
    """Yield what stands beside a label in the same text."""
    for found in _COMMANDS.finditer(text) if "-" in text or "BY" in text else ():
        name = "value" if found["value"] else "user"
        if not _harmless(found[name].partition(":")[2] or found[name]):
            yield Match(CATEGORY, *found.span(name), 0.9)
    if not WORDS.search(text):
        return
    for found in _BESIDE.finditer(text):
        if match := _beside(text, found):
            yield match
    for found in _CODE.finditer(text):
        digits = as_digits(found["digits"])
        bare = re.sub(r"[ \-]", "", digits)
        real = count_digits(found["digits"])
        if real >= len(bare) / 3 and len(bare) >= (3 if found[0][0] in "cC" else 4):
            yield Match(CATEGORY, *found.span("digits"), 0.85)


def cut(text: str) -> Iterator[Match]:
    """Yield what a text begins with, whose label is out of sight, if it can hardly be anything else: letters of both
    sizes, digits and symbols without a space, or many symbols."""
    if (begun := _BEGUN.match(text)) and _strong(begun["bare"]) and not _harmless(begun["bare"]):
        yield Match(CATEGORY, *begun.span("bare"), 0.75)
    found = _CUT.match(text)
    if found is None or _NAMED.fullmatch(found["bare"]) or (not found["is"] and _AT.fullmatch(found["bare"])):
        return
    small, large, digit, symbol = (set(re.findall(kind, found["bare"])) for kind in _MIXED)
    if small and large and ((digit and symbol) or len(symbol) >= _SYMBOLS):
        yield Match(CATEGORY, *found.span("bare"), 0.7)


def value(text: str) -> list[Match]:
    """Return what is the secret in a text beside or below the label of a password: its only token, or nothing."""
    tokens = list(re.finditer(r"\S+", text))
    if not tokens or labels.label(text):
        return []
    if len(tokens) > 2 or (len(tokens) == 2 and not any(_strong(token[0]) for token in tokens)):
        return []
    chosen = [token for token in tokens if not _harmless(token[0])]
    if not chosen or (len(tokens) == 2 and not any(_strong(token[0]) for token in chosen)):
        return []
    return [Match(CATEGORY, chosen[0].start(), chosen[-1].end(), 0.8 if _strong(chosen[0][0]) else 0.6)]


def _beside(text: str, found: re.Match[str]) -> Match | None:
    mark = found["is"]
    before = text[max(0, found.start() - 60) : found.start("name")]
    if QUESTION.search(before):
        return None
    if found["quoted"] is not None:
        if mark == " " or not found["quoted"].strip() or _harmless(found["quoted"].strip(), quoted=True):
            return None
        return Match(CATEGORY, *found.span("quoted"), 0.9)
    start, end = found.span("bare")
    bare = found["bare"].rstrip(_TAIL) if not _SYMBOL.search(found["bare"][:-1]) else found["bare"].rstrip("\"'`,;")
    end = start + len(bare)
    rest = text[end:].strip()
    torn = _TORN.fullmatch(text, start) if ":" in mark or mark == " = " else None
    if torn and _strong(torn[1] + torn[2]) and not _NEVER.intersection((torn[1].lower(), torn[2].lower())):
        return Match(CATEGORY, *torn.span(), 0.7)
    if not bare or _harmless(bare):
        return None
    if found["name"].lower() in ("pass", "pw", "clave", "mdp", "psk") and not (":" in mark or "=" in mark):
        return None
    if ":" in mark or "=" in mark:
        if mark.strip() == "=" and text[end : end + 1] == "=":
            return None
        if _code(text, found, bare):
            return None
        if _strong(bare):
            return Match(CATEGORY, start, end, 0.92)
        phrase = "phrase" in found["name"].lower()
        if phrase and re.fullmatch(r"[\w\-' ]+", rest or "x"):
            return Match(CATEGORY, start, len(text.rstrip()), 0.8)
        if torn and torn[2].lower() not in _NEVER and mark.strip() != "=":
            return Match(CATEGORY, *torn.span(), 0.55)
        followed = re.match(r"[A-Za-z]", rest) is not None and not re.match(r"(?i)[\w \-]{2,20}[:=]", rest)
        return None if followed or len(bare) < 3 else Match(CATEGORY, start, end, 0.75)
    if "phrase" in found["name"].lower() and rest and re.fullmatch(r"[a-z]+(?: [a-z]+){2,}", f"{bare} {rest}"):
        return Match(CATEGORY, start, len(text.rstrip()), 0.6)
    both = any(map(str.isalpha, bare)) and any(map(str.isdigit, bare)) and bare[0] not in "*&([{"
    both = both or re.search(r"[A-Za-z]{2}[!@#$%^&*][A-Za-z0-9]{2}", bare) is not None
    if both and len(bare) >= 6 and not _code(text, found, bare):
        return Match(CATEGORY, start, end, 0.7)
    single = mark.strip() in (";", ".") or mark.strip().startswith(("is", "ist", "lautet"))
    return Match(CATEGORY, start, end, 0.55) if single and not rest and len(bare) >= 5 else None


def _code(text: str, found: re.Match[str], bare: str) -> bool:
    """Tell whether what stands there is rather a part of a program."""
    before = text[max(0, found.start() - 60) : found.start("name")]
    following = text[found.start("bare") :]
    if _CALL.match(bare) and re.search(r"\d", bare) and bare[-1:] not in ")(":
        return False
    if _CALL.match(following) or _ATTRIBUTE.fullmatch(bare) or _IDENTIFIER.fullmatch(bare):
        return not re.search(r"\d", bare) or _CALL.match(following) is not None
    if _strong(bare):
        return False
    return _CODE_BEFORE.search(before) is not None or bare.lower() == found["name"].lower()


def _harmless(text: str, *, quoted: bool = False) -> bool:
    """Tell whether a token is no secret whatever stands beside it."""
    bare = text.strip(" .,:;!?()[]*'\"").lower()
    if len(bare) < 2 or _MASK.fullmatch(text) or _VARIABLE.match(text):
        return True
    if bare in _NEVER and (text[-1:] != "!" or not quoted):
        return True
    if all(word in _NEVER or word in NAMES for word in re.split(r"[_\-. ]+", bare)):
        return True
    words = bare.split()
    return (len(words) > 2 and sum(word in _NEVER for word in words) >= 1) or (len(words) == 2 and words[0] in _NEVER)


def _strong(token: str) -> bool:
    """Tell whether a token is none that prose has: letters with digits or symbols, or capitals within."""
    letters = any(map(str.isalpha, token))
    digits = any(map(str.isdigit, token))
    if letters and digits:
        return len(token) >= 5
    if _SYMBOL.search(token) and (letters or digits):
        return len(token) >= 5
    return (digits and len(token) >= 6 and not re.fullmatch(r"[\d.,/:\-]+", token)) or (
        re.search(r"[a-z][A-Z]", token) is not None and len(token) >= 8
    )


def near(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of what stands after a label and may be a password, if either was misread."""
    for found in WORDS.finditer(text):
        rest = _NEAR.match(text, found.end())
        if rest and not _harmless(rest["token"]) and _strong(rest["token"]):
            yield rest.span("token")
