"""Where a stream key may stand in what an RTMP publisher says. Pure, no I/O.

    server URL            stream name      room      key
    --------------------  ---------------  --------  ------
    /live                 KEY              by key    KEY
    /live                 NAME?key=KEY     NAME      KEY
    /live                 PATH/KEY         by key    KEY
    /live/PATH            KEY              by key    KEY
    /live/KEY                              by key    KEY
    /KEY                                   by key    KEY
    /live?key=KEY         NAME             NAME      KEY
    /live/NAME?key=KEY                     NAME      KEY
    /live?key=KEY                          by key    KEY

Rules: the app is the server URL's path; where it is missing, tcUrl's path and query stand for it. The field ``key`` is
looked for in the stream name, then in the app, then in tcUrl, and the first one counts; other fields mean nothing.
Blanks round a part and slashes that separate nothing do not count.
"""

from ingest.source import Claim, SentKey

_KEY = "key"


def claim(app: str, tc_url: str, stream: str) -> Claim:
    """Return whom the publisher of ``stream`` in ``app`` says to be: at the least an empty key, which fits no room."""
    of_url = _path_of(tc_url)
    app = app if app.strip("/ ") else of_url
    path, name = _segments(app), _segments(stream)[-1:]
    for part in (stream, app, of_url):
        if (key := fields(part).get(_KEY)) is not None:
            return Claim(SentKey(key.strip("/ ")), "".join(name or path[1:][-1:]))
    return Claim(SentKey("".join(name or path[-1:])))


def fields(text: str) -> dict[str, str]:
    """Return the fields of the query in ``text``, by name; of two with one name the first. Nothing is unescaped.

    A second question mark is an ``&``: ffmpeg appends a query without looking whether there is one.
    """
    pairs = (field.partition("=") for field in reversed(text.partition("?")[2].replace("?", "&").split("&")))
    return {name: value for name, _, value in pairs if name}


def first_segment(app: str) -> str:
    """Return what ``app`` begins with, "" for nothing."""
    return "".join(_segments(app)[:1])


def _segments(text: str) -> list[str]:
    return [found for segment in text.partition("?")[0].split("/") if (found := segment.strip())]


def _path_of(url: str) -> str:
    """Return path and query of a URL that may lack its scheme, or have blanks and slashes before it."""
    before, scheme, after = url.partition("://")
    return (after if scheme else before).lstrip("/ ").partition("/")[2]
