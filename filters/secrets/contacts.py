"""Finds e-mail addresses. Pure.

RFC 5322, section 3.4.1, as people write it: ``local@label.label``; with what recognition makes of it: © for @, spaces
around @ and dots, a comma for a dot.
"""

import re
from collections.abc import Iterator

from filters.secrets.match import Match, at_end

CATEGORY = "email"

_TOP_LEVEL = """
com org net edu gov mil int info biz name pro app dev io ai co me tv cc ly sh gg xyz online site shop store tech cloud
blog email live news world today life space agency studio company solutions digital group ac ad ae ag ar at au az ba
bd be bg bh br by ca ch cl cn cr cy cz de dk do dz ec ee eg es eu fi fr ge gh gr gt hk hr hu id ie il in iq ir is it
jo jp ke kr kw kz lb li lk lt lu lv ma mc md mk mn mt mx my ng nl no np nz om pa pe ph pk pl pt qa ro rs ru sa se sg
si sk th tn tr tw ua uk us uy uz ve vn za example test invalid local localhost
"""
TOP_LEVEL = frozenset(_TOP_LEVEL.split())
"""Top-level domains that are common, and those of RFC 2606. Others count where there is no space in an address."""

_AT = re.compile(r" ?(?:[@\N{COPYRIGHT SIGN}\N{REGISTERED SIGN}]|\(@\)|\(a\)|\[at\]) ?")
_SPECK = re.compile(r"@['\"`.,](?=[A-Za-z0-9])")
_LOCAL = re.compile(r"(?:[A-Za-z0-9._%+\-'|!]|(?<=\w),(?=\w)|(?<=\w) (?=\.\w))+\Z")
_DOMAIN = re.compile(r"[A-Za-z0-9|!_\-]+(?: ?[.,\N{MIDDLE DOT}] ?[A-Za-z0-9|!\-]+)*")
_DOT = re.compile(r" ?[.,\N{MIDDLE DOT}] ?")
_MISREAD = {"c0m": "com", "corn": "com", "conn": "com", "cm": "com", "om": "com", "0rg": "org", "nel": "net"}
_FILE_NAMES = "png jpg jpeg gif svg webp pdf js ts css html htm py so dll exe zip whl gz tgz json map"
_FILES = frozenset(_FILE_NAMES.split())
_LABEL = re.compile(r"(?i)(?:mailto|e-?mail|mail|from|to|cc|bcc)\s?[:=]?\s*<?\Z|<\Z")
_SHELL = re.compile(r"(?i)(?:^|[\s;&|$])(?:ssh|scp|sftp|rsync|mosh)\s(?:\S+\s)*\Z")
_PROMPT = re.compile(r"\s?(?::\s?[~/]|\s[~/][\w/.\-]*[\]#$%]|[\w~/: .\-]{0,40}[#$%](?:\s|\Z))")
_TORN_LOCAL = re.compile(r"(?<![\w.])(?:[A-Za-z](?=[\w.+\-]*[\d._+])[\w.+\-]*[\w+_]|[a-z][a-z0-9]*\.) ?\Z")
_TORN_DOMAIN = re.compile(r" ([A-Za-z0-9|\-]*)((?:[.,][A-Za-z0-9|\-]+)*)(?![\w@])")
_LONGEST_LOCAL = 64  # RFC 5321, section 4.5.3.1.1


def find(text: str) -> Iterator[Match]:
    """Yield addresses, and from the @ on what may become one at the text's end."""
    text = _SPECK.sub("@ ", text)
    for sign in _AT.finditer(text):
        local = _LOCAL.search(text, max(0, sign.start() - _LONGEST_LOCAL), sign.start())
        if local is None or not any(map(str.isalnum, local[0])):
            continue
        start = local.start() + len(local[0]) - len(local[0].lstrip(" .,-'|!%"))
        if match := _address(text, start, sign):
            torn = (
                _TORN_LOCAL.search(text, max(0, start - _LONGEST_LOCAL), start)
                if text[start - 1 : start] == " "
                else None
            )
            yield match._replace(start=torn.start()) if torn and not match.partial else match


def _address(text: str, start: int, sign: re.Match[str]) -> Match | None:
    spaced = sign[0] != sign[0].strip()
    typographic = sign[0].strip() != "@"
    before = text[max(0, start - 40) : start]
    domain = _DOMAIN.match(text, sign.end())
    if domain is None:
        begun = not spaced and not typographic and at_end(text, sign.end()) and not _SHELL.search(before)
        return Match(CATEGORY, start, sign.end(), 0.4, partial=True) if begun else None
    end, top = _end(text, domain)
    if top not in TOP_LEVEL and (torn := _TORN_DOMAIN.match(text, end)):
        last = re.split(r"[., ]+", top + torn[1] + torn[2])[-1].lower()
        if (top or torn[2]) and _MISREAD.get(last, last) in TOP_LEVEL and len(torn[1]) <= 20:
            end, top = torn.end(), _MISREAD.get(last, last)
    if spaced and typographic and text[start : sign.start()].lower() == "copyright":
        return None
    if _PROMPT.match(text, end):
        return None
    if text[start : sign.start()].lower() == "git" and text[end : end + 1] in (":", "/"):
        return None
    if top in TOP_LEVEL:
        return Match(CATEGORY, start, end, 0.85 if spaced or typographic else 0.97)
    if spaced or typographic or top in _FILES:
        return None
    if len(top) >= 2 and top.isalpha() and top.isascii():
        return Match(CATEGORY, start, end, 0.8)
    if domain[0][0].isdigit() and not any(map(str.isalpha, domain[0])):
        return None  # name@1.2.3 is a version
    if _LABEL.search(before) and not top:
        return Match(CATEGORY, start, end, 0.6, partial=at_end(text, end))
    if (
        at_end(text, end + (text[end : end + 1] == "."))
        and text[start - 1 : start] != "/"
        and not _SHELL.search(before)
        and not domain[0][0].isdigit()
    ):
        # With a letter of the last label hardly anything is missing: it stays one should it be deleted again.
        return Match(CATEGORY, start, end, 0.4, partial=not (top.islower() and sign.start() - start > 2))
    return None


def _end(text: str, domain: re.Match[str]) -> tuple[int, str]:
    """Return where a domain ends, and its top level: empty if it has but one label.

    After a space a label counts if it is a known top level: otherwise a sentence has ended there.
    """
    end, top = domain.start(), ""
    first = True
    at = domain.start()
    while at < domain.end():
        dot = _DOT.match(text, at)
        begin = at if first else (dot.end() if dot else at)
        stop = begin
        while stop < domain.end() and (text[stop].isalnum() or text[stop] in "|!_-"):
            stop += 1
        label = text[begin:stop].lower()
        label = _MISREAD.get(label, label)
        if not first:
            loose = dot is not None and dot[0] != "."
            if loose and (label not in TOP_LEVEL or top in TOP_LEVEL) and not _more(text, stop, top):
                break
            top = label
        end, at, first = stop, stop, False
    return end, top


def _more(text: str, at: int, top: str) -> bool:
    """Tell whether after a label that is no top level another one follows that is: mail .example. com."""
    following = re.match(r" ?[.,] ?([A-Za-z0-9]+)", text[at : at + 30])
    return following is not None and top not in TOP_LEVEL and following[1].lower() in TOP_LEVEL
