"""Knows what secrets are called: names of passwords and codes, and labels whose value stands in another place. Pure.

English first; the word for a password in some twenty languages.
"""

import re

from filters.secrets.confusion import tolerant

CATEGORY = "password"

_NAMES = (
    "password|passwd|passwort|kennwort|passphrase|passcode|pass code|pass phrase|contraseña|contrasena|mot de passe|"
    "wachtwoord|parola d'ordine|lösenord|adgangskode|passord|salasana|palavra-passe|senha|hasło|heslo|jelszó|şifre|"
    "parolă|пароль|密码|パスワード|비밀번호"
)
NAMES = frozenset(_NAMES.split("|"))
"""What a password is called, in small letters."""
LETTERED = "|".join(tolerant(name) for name in _NAMES.split("|"))
SHORT = r"pwd|pw|psk|pass|mdp|clave|wpa[23]?[ \-]?(?:key|psk)|(?:wi-?fi|network) ?key|network security key"
NUMBERED = (
    r"(?:sim |card |security |bank |atm |door )?p[il1|]n(?: ?code| ?number)?|"
    r"puk|cvv2?|c[vw]{1,3}(?= ?:? ?[\dOIlSBZ]{3,4}\b)|"
    r"cvc2?|cid|csc|"
    r"card verification (?:code|value)|"
    r"(?:security|verification|confirmation|authentication|access|log-?in|sign-?in|one-?time|2fa|mfa|"
    r"sms|door|unlock|recovery) ?"
    r"(?:pass)?code|otp|totp|prüfziffer|sicherheitscode"
)
BEGIN = r"(?:(?<![^\W_])|(?<=(?-i:[a-z]))(?=(?-i:P)(?:ass[wp]|wd)))"
"""Before a name stand no letters, but those of DB_PASSWORD and userPassword."""
WORDS = re.compile(rf"(?i){BEGIN}(?:{LETTERED}|{SHORT}|{NUMBERED})")
QUESTION = re.compile(
    r"(?i)(?:^|\W)(?:forg[eo]t\w*|reset|change|show|hide|lost|save|remember|no|without|invalid|wrong|"
    r"incorrect|olvid\w+|oubli\w*|vergessen)"
    r"(?: \w+)?\s\Z"
)
_LABEL_TAIL = r"[\"'\])]{0,2}(?:\s?\([^()]{1,20}\))?\s*\*?\s*[:=;]?\s*"
_ADJECTIVE = (
    r"(?:new|current|old|confirm|repeat|retype|re-enter|your|my|the|a|database|db|admin|root|user|"
    r"wi-?fi|network|account|enter|type|"
    r"login|log-?in|master|app|email|e-mail|smtp|ftp|ssh|sudo|mysql|postgres|server|vault|keystore|"
    r"neues|aktuelles|nueva|nouveau|"
    r"secret|access|api|private|stream|client|primary|secondary|signing|encryption|recovery|"
    r"licen[cs]e|aws|bot|personal|"
    r"deploy|webhook|bearer|auth|refresh|card|credit|debit|show|one-?time|username or|and|id|product|"
    r"google|github|stripe|openai)"
)
_KEYS = (
    r"(?:api|access|secret|private|stream|client|signing|encryption|recovery|licen[cs]e|account|"
    r"storage|security|product|activation|"
    r"publishable|restricted|webhook|ssh|gpg)(?:[ _\-](?:api|access|secret|private|"
    r"signing))*[ _\-]?(?:keys?|tokens?|secret|phrase)|"
    r"(?:access|auth|bearer|bot|refresh|personal access|api|session|deploy|id)[ _\-]?token|token|"
    r"client[ _]secret|secret|api-?schlüssel|"
    r"clave (?:de )?api|clé (?:d'?)?api|seed phrase"
)
_OTHERS = (
    (
        "card-number",
        r"(?:credit|debit|bank)?[ \-]?card(?: ?(?:number|no\.?|nr\.?|#))|kartennummer|"
        r"número de (?:la )?tarjeta|numéro de (?:la )?carte|pan",
    ),
    ("ssn", r"ssn|ssn ?/ ?itin|social security(?: ?(?:number|no\.?|#))?"),
    ("iban", r"iban(?: ?(?:number|no\.?))?"),
    (
        "vat",
        r"vat(?: ?(?:reg(?:istration)?\.? )?(?:number|no\.?|id|#))?|ust-?id(?:-?nr)?\.?|tva|n° ?tva|"
        r"p\.? ?iva|nif|btw(?:-nr)?\.?",
    ),
    (
        "phone",
        r"(?:tele)?phone(?: ?(?:number|no\.?))?|mobile(?: ?(?:number|no\.?|phone))?|cell(?: ?phone)?|"
        r"tel(?:efon|éfono)?\.?|téléphone|handy(?:nummer)?",
    ),
    ("email", r"e-?mail(?: ?address)?|e-?mail-adresse|correo(?: electrónico)?|courriel"),
)
_START = r"(?<![^\W_])"
_SECRET_LABELS = (
    ("key", re.compile(rf"(?i){_START}(?:{_KEYS}){_LABEL_TAIL}\Z")),
    (
        CATEGORY,
        re.compile(
            rf"(?i){_START}(?:{LETTERED}|{SHORT}|{NUMBERED})(?: for (?:[\w@.'\-]+|[^:]{{1,60}}(?=:)))?{_LABEL_TAIL}\Z"
        ),
    ),
    *((category, re.compile(rf"(?i){_START}(?:{expression}){_LABEL_TAIL}\Z")) for category, expression in _OTHERS),
)
_LONGEST = 80  # characters of a label
_LEAD = re.compile(rf"(?i)(?:\W*(?:{_ADJECTIVE}\b[ _\-]*)*|.*(?: {{2,}}|[|:>\]\t]\s*))\Z")


def label(text: str) -> str | None:
    """Return the category of what a text is the label of, or ends with the label of; None if it is no label."""
    text = text.strip()
    if not text or len(text) > 200 or text.endswith("?"):
        return None
    colon = text.endswith((":", "=", ";"))
    for category, expression in _SECRET_LABELS:
        found = expression.search(text, max(0, len(text) - _LONGEST))
        if found is None:
            continue
        before = text[: found.start()]
        if before and (before[-1].isalnum() or QUESTION.search(before)):
            continue
        if _LEAD.match(before) or (colon and len(before) <= 60 and before[-1:] in " '_-("):
            return category
    return None
