"""A planted fault for each rule of single answers, and the answers that are as they should be."""

import gzip
from dataclasses import replace

from tests.support.hls import rules
from tests.support.hls.faults.planting import Fault, Plant, fault
from tests.support.hls.legal import Record
from tests.support.hls.probes import Probe, Purpose
from tests.support.hls.reader import PLAYLIST_TYPE
from tests.support.hls.told import Answer

_ALLOWED = {"access-control-allow-origin": "*"}
_PLAYLIST = {**_ALLOWED, "content-type": PLAYLIST_TYPE, "cache-control": "max-age=1"}
_MEDIA = {**_ALLOWED, "content-type": "video/mp4", "cache-control": "public, max-age=86400, immutable"}
_SEGMENT = """\
#EXT-X-MAP:URI="180p/init-a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXTINF:2.00000,
180p/7.m4s
"""
_HEAD = "#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"
_FULL = (_HEAD.format(9) + "#EXT-X-PART-INF:PART-TARGET=0.21334\n" + _SEGMENT).encode()
_CLASSIC = (_HEAD.format(8) + _SEGMENT).encode()


def _probe(purpose: Purpose, status: int, headers: dict[str, str], body: bytes = b"", twin: bytes = b"") -> Probe:
    return Probe(purpose, purpose.value, (Answer(status, headers, body, 0.01),), twin=twin)


LEGAL: dict[Purpose, Probe] = {
    probe.purpose: probe
    for probe in (
        _probe(Purpose.PLAYLIST, 200, _PLAYLIST),
        _probe(Purpose.MEDIA, 200, _MEDIA),
        _probe(Purpose.PLAIN, 200, _PLAYLIST),
        _probe(Purpose.TOO_FAR, 400, _ALLOWED),
        _probe(Purpose.PART_ALONE, 400, _ALLOWED),
        _probe(Purpose.MALFORMED, 400, _ALLOWED),
        _probe(Purpose.COMPRESSED, 200, {**_PLAYLIST, "content-encoding": "gzip"}, gzip.compress(_FULL), _FULL),
        _probe(Purpose.CLASSIC, 200, _PLAYLIST, _CLASSIC, _FULL),
        _probe(Purpose.HINTED, 200, _MEDIA, b"part", b"part"),
        _probe(Purpose.GAP, 404, _ALLOWED),
        _probe(Purpose.LEFT, 200, _MEDIA),
        _probe(Purpose.GONE, 404, _ALLOWED),
    )
}


def _answered(
    purpose: Purpose,
    status: int | None = None,
    body: bytes | None = None,
    seconds: float | None = None,
    **headers: str | None,
) -> Plant:
    """The answer to one purpose is another one; a header that is None is not there."""
    probe = LEGAL[purpose]
    before = probe.newest
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    made = {name: value for name, value in {**before.headers, **given}.items() if value is not None}
    answer = Answer(
        before.status if status is None else status,
        made,
        before.body if body is None else body,
        before.seconds if seconds is None else seconds,
    )
    wrong = replace(probe, answers=(answer,))

    def plant(record: Record) -> Record:
        return replace(record, probes=tuple(wrong if each.purpose is purpose else each for each in record.probes))

    return plant


ANSWERS: tuple[Fault, ...] = (
    fault(rules.RESOLVES, "a playlist that is named is answered with 404", _answered(Purpose.PLAYLIST, 404)),
    fault(rules.THERE, "a part that is listed is answered with 404", _answered(Purpose.MEDIA, 404)),
    fault(
        rules.CORS,
        "a 404 that other sites' players may not read",
        _answered(Purpose.GONE, access_control_allow_origin=None),
    ),
    fault(rules.TYPES, "a segment is text", _answered(Purpose.MEDIA, content_type="text/plain")),
    fault(rules.CACHING, "a playlist is kept for an hour", _answered(Purpose.PLAYLIST, cache_control="max-age=3600")),
    fault(rules.AT_ONCE, "a plain request takes 2 s", _answered(Purpose.PLAIN, seconds=2.0)),
    fault(rules.TOO_FAR, "a number too far ahead is answered with 200", _answered(Purpose.TOO_FAR, 200)),
    fault(rules.PART_ALONE, "a part without a number is answered with 200", _answered(Purpose.PART_ALONE, 200)),
    fault(rules.MALFORMED, "what is no number is answered with 500", _answered(Purpose.MALFORMED, 500)),
    fault(
        rules.COMPRESSED, "what comes compressed is another", _answered(Purpose.COMPRESSED, body=gzip.compress(b"x"))
    ),
    fault(rules.CLASSIC, "a classic playlist is the full one", _answered(Purpose.CLASSIC, body=_FULL)),
    fault(rules.HELD, "a part that was asked for early is another one", _answered(Purpose.HINTED, body=b"other")),
    fault(rules.GAP_404, "a gap is answered with 200", _answered(Purpose.GAP, 200)),
    fault(rules.KEPT, "a segment that left just now is answered with 404", _answered(Purpose.LEFT, 404)),
    fault(rules.GONE, "a 404 takes 3 s", _answered(Purpose.GONE, seconds=3.0)),
)
