"""A planted fault for each rule of playlists."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from tests.support.hls import rules
from tests.support.hls.faults.planting import (
    PICTURE,
    Edit,
    Fault,
    Pages,
    Plant,
    fault,
    in_all,
    in_blocks,
    in_last,
    in_single,
    raised,
    swap,
    swap_pattern,
    with_told,
    without,
)
from tests.support.hls.legal import Record
from tests.support.hls.reader import read

_DATE = re.compile(r"(?<=PROGRAM-DATE-TIME:).*Z")


def shifted(milliseconds: int, only: int | None = None) -> Edit:
    """Dates are later: all, or that of one segment."""

    def later(match: re.Match[str]) -> str:
        date = datetime.fromisoformat(match[0]) + timedelta(milliseconds=milliseconds)
        return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def edit(text: str) -> str:
        pages = Pages(text)
        for block in pages.blocks:
            if only is None or any(line.endswith(f"/{only}.m4s") for line in block):
                block[:] = [_DATE.sub(later, line) for line in block]
        return pages.text

    return edit


def _newest(record: Record, rendition: str = PICTURE) -> int:
    """The number of a segment that is whole in the last playlists."""
    return read(record.playlists[rendition][-1].text).whole[-2].number


def _block(pages: Pages, at: int, edit: Edit) -> None:
    pages.blocks[at] = edit("\n".join(pages.blocks[at])).split("\n")


def _last_parts(pages: Pages, change: Edit, index: int) -> None:
    """Change a part of the segment that grows."""
    places = [n for n, line in enumerate(pages.blocks[-1]) if line.startswith("#EXT-X-PART:")]
    pages.blocks[-1][places[index]] = change(pages.blocks[-1][places[index]])


def _with_gap(pages: Pages) -> None:
    """The first segment is a gap, and has a part all the same."""
    _block(pages, 0, swap("#EXTINF", '#EXT-X-GAP\n#EXT-X-PART:DURATION=0.20000,URI="180p/0.0.m4s"\n#EXTINF'))


def _gap_longer(pages: Pages) -> None:
    _block(pages, 0, swap("#EXTINF:2.00000", "#EXT-X-GAP\n#EXTINF:2.60000"))


def _skip_more(pages: Pages) -> None:
    dropped = pages.blocks[:3]
    pages.blocks = pages.blocks[3:]
    maps = [line for block in dropped for line in block if line.startswith("#EXT-X-MAP")]
    pages.blocks[0] = [*maps[:1], *pages.blocks[0]]
    pages.head = [_more_skipped(line, 3) for line in pages.head]


def _more_skipped(line: str, more: int) -> str:
    return re.sub(r"(?<=SKIPPED-SEGMENTS=)\d+", lambda match: str(int(match[0]) + more), line)


def _skips_too_much(record: Record) -> Record:
    told = record.playlists[PICTURE]
    at = max(n for n, each in enumerate(told) if "EXT-X-SKIP" in each.text)
    wrong = replace(told[at], text=in_blocks(_skip_more)(told[at].text))
    return with_told(record, PICTURE, (*told[:at], wrong))


def _skips_what_nobody_knows(record: Record) -> Record:
    delta = next(each for each in record.playlists[PICTURE] if "EXT-X-SKIP" in each.text)
    return with_told(record, PICTURE, (delta,))


def _comes_back(record: Record) -> Record:
    """The segment that left last is listed again."""
    told = record.playlists[PICTURE]
    full = [each for each in told if "EXT-X-SKIP" not in each.text]
    first = read(full[-1].text).first
    before = next(each for each in reversed(full) if read(each.text).first == first - 1)

    def again(pages: Pages) -> None:
        block = Pages(before.text).blocks[0]
        pages.blocks[0] = [line for line in pages.blocks[0] if not line.startswith("#EXT-X-MAP")]
        pages.blocks.insert(0, [line for line in block if not line.startswith("#EXT-X-PART:")])

    at = told.index(full[-1])
    text = raised("EXT-X-MEDIA-SEQUENCE", -1)(in_blocks(again)(full[-1].text))
    return with_told(record, PICTURE, (*told[:at], replace(full[-1], text=text)))


def _comes_late(record: Record) -> Record:
    """The same, to one who was never told of it."""
    last = _comes_back(record).playlists[PICTURE][-1]
    first = read(last.text).first + 1
    told = [each for each in record.playlists[PICTURE] if "EXT-X-SKIP" not in each.text]
    before = next(each for each in reversed(told) if each.at < last.at and read(each.text).first == first)
    return with_told(record, PICTURE, (before, last))


def _older_again(record: Record) -> Record:
    told = record.playlists[PICTURE]
    last, at = told[-1], len(told) - 2
    while "EXT-X-SKIP" in told[at].text:
        at -= 1
    again = replace(told[at], asked_at=last.at + 0.1, at=last.at + 0.2, msn=None, part=None)
    return with_told(record, PICTURE, (*told, again))


def _parts_linger(record: Record) -> Record:
    """A segment lists its parts as long as it is listed itself."""
    told = record.playlists[PICTURE]
    full = [each for each in told if "EXT-X-SKIP" not in each.text]
    last = read(full[-1].text)
    parts = [line for line in Pages(full[0].text).blocks[-2] if line.startswith("#EXT-X-PART:")]
    number = read(full[0].text).whole[-1].number
    assert number < last.entries[-5].number

    def linger(pages: Pages) -> None:
        at = number - last.first
        pages.blocks[at] = [pages.blocks[at][0], *parts, *pages.blocks[at][1:]]

    at = told.index(full[-1])
    return with_told(record, PICTURE, (*told[:at], replace(full[-1], text=in_blocks(linger)(full[-1].text))))


def _shorter(pages: Pages) -> None:
    count = len(pages.blocks) - 3
    kept = pages.blocks[count:]
    pages.blocks = [[line for line in pages.blocks[0] if line.startswith("#EXT-X-MAP")] + kept[0], *kept[1:]]
    pages.head = [raised("EXT-X-MEDIA-SEQUENCE", count)(line) for line in pages.head]


def _end_taken_back(record: Record) -> Record:
    told = record.playlists[PICTURE]
    last = next(each for each in reversed(told) if "EXT-X-SKIP" not in each.text)
    grows = read(last.text).entries[-1]
    whole = [f"#EXTINF:{grows.seconds:.5f},", f"180p/{grows.number}.m4s"]

    def end(pages: Pages) -> None:
        pages.blocks[-1] += whole
        pages.tail = ["#EXT-X-ENDLIST"]

    def go_on(pages: Pages) -> None:
        pages.blocks[-1] += whole
        pages.tail[0] = f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="180p/{grows.number + 1}.0.m4s"'

    ended, taken_back = (replace(last, text=in_blocks(change)(last.text)) for change in (end, go_on))
    return with_told(record, PICTURE, (*told[: told.index(last)], ended, replace(taken_back, msn=None, part=None)))


def _hint_beyond(record: Record) -> Record:
    """Between the last part of a segment and its end there is a playlist."""
    told = record.playlists[PICTURE]
    at = next(
        n
        for n, (before, after) in enumerate(pairwise(told))
        if "EXT-X-SKIP" not in before.text and read(after.text).edge == (read(before.text).edge[0] + 1, 0)
    )
    number = read(told[at].text).edge[0]
    (last,) = [line for line in told[at + 1].text.splitlines() if f'/{number}.9.m4s"' in line]

    def add(pages: Pages) -> None:
        pages.blocks[-1].append(last)
        pages.tail[0] = f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="180p/{number}.10.m4s"'

    between = replace(told[at + 1], text=in_blocks(add)(told[at].text), msn=number, part=9)
    return with_told(record, PICTURE, (*told[: at + 1], between, *told[at + 1 :]))


def _answered_too_early(record: Record) -> Record:
    told = record.playlists[PICTURE]
    number, part = read(told[-1].text).edge
    return with_told(record, PICTURE, (*told[:-1], replace(told[-1], msn=number, part=part)))


def _dated(milliseconds: int, rendition: str = PICTURE) -> Plant:
    return lambda record: in_all(shifted(milliseconds, _newest(record, rendition)), rendition)(record)


def _uri_changes(record: Record) -> Record:
    number = _newest(record)
    return in_last(swap(f"/{number}.m4s", f"/another-{number}.m4s"))(record)


def _remove_parts(pages: Pages) -> None:
    pages.blocks[-2] = [line for line in pages.blocks[-2] if not line.startswith("#EXT-X-PART:")]


PLAYLISTS: tuple[Fault, ...] = (
    fault(rules.EXTM3U, "a playlist begins with its version", in_last(swap("#EXTM3U\n", ""))),
    fault(rules.VERSION, "version 7", in_all(swap("VERSION:9", "VERSION:7"))),
    fault(rules.GRAMMAR, "two target durations", in_last(swap("#EXT-X-TARG", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARG"))),
    fault(rules.HOLD_BACK, "HOLD-BACK of 5 s at a target of 2 s", in_all(swap(",HOLD-BACK=6.0", ",HOLD-BACK=5.0"))),
    fault(rules.PART_HOLD_BACK, "PART-HOLD-BACK of two part targets", in_all(swap("=0.64002", "=0.42668"))),
    fault(rules.CAN_SKIP, "CAN-SKIP-UNTIL of five targets", in_all(swap("UNTIL=12.0", "UNTIL=10.0"))),
    fault(rules.CAN_BLOCK, "CAN-BLOCK-RELOAD is not there", in_all(swap("CAN-BLOCK-RELOAD=YES,", ""))),
    fault(rules.EXTINF, "a gap of 2.6 s at a target of 2 s", in_single(in_blocks(_gap_longer)), "dates"),
    fault(
        rules.PART_LONGEST,
        "a part of 0.22 s",
        in_last(in_blocks(lambda pages: _last_parts(pages, swap("=0.20000", "=0.22000"), -1))),
    ),
    fault(
        rules.PART_SHORTEST,
        "a part of 0.1 s, and more after it",
        in_single(in_blocks(lambda pages: _last_parts(pages, swap("=0.20000", "=0.10000"), -2))),
    ),
    fault(
        rules.PARTS_SUM,
        "a segment is 30 ms shorter than its parts",
        in_single(in_blocks(lambda pages: _block(pages, -2, swap("EXTINF:2.00000", "EXTINF:1.97000")))),
    ),
    fault(rules.MAP, "there is no EXT-X-MAP", in_all(without("#EXT-X-MAP"))),
    fault(rules.DATED, "a segment without a date", in_single(without("#EXT-X-PROGRAM-DATE-TIME", 1))),
    fault(rules.NO_HINT_AT_END, "an ended playlist hints at a part", in_last(lambda text: text + "#EXT-X-ENDLIST\n")),
    fault(rules.SKIP_BOUNDARY, "a Delta Update skips three segments more", _skips_too_much),
    fault(rules.GAP_BARE, "a gap with a part", in_single(in_blocks(_with_gap)), "parts-leave"),
    fault(
        rules.TARGET_FIXED,
        "TARGETDURATION is 3 from now on",
        in_last(swap("TARGETDURATION:2", "TARGETDURATION:3")),
        "same-targets",
        "hold-back",
        "can-skip-until",
        "parts-stay",
    ),
    fault(rules.PART_TARGET_FIXED, "PART-TARGET gets shorter", in_last(swap("=0.21334\n", "=0.21330\n"))),
    fault(rules.CONTROL_FIXED, "HOLD-BACK gets longer", in_last(swap(",HOLD-BACK=6.0", ",HOLD-BACK=8.0"))),
    fault(rules.MEDIA_SEQUENCE, "a segment that had left is listed again", _comes_back),
    fault(
        rules.DISCONTINUITY_SEQUENCE,
        "DISCONTINUITY-SEQUENCE goes on though no discontinuity left",
        in_last(raised("EXT-X-DISCONTINUITY-SEQUENCE", 1)),
    ),
    fault(rules.EDGE, "an older playlist comes again", _older_again, "report-ahead", "parts-stay"),
    fault(rules.APPENDED, "an old segment is listed that was not before", _comes_late, "media-sequence"),
    fault(rules.SEGMENT_FIXED, "a segment gets another URI", _uri_changes),
    fault(
        rules.PART_FIXED,
        "a part is INDEPENDENT no longer",
        in_last(in_blocks(lambda pages: _last_parts(pages, swap(",INDEPENDENT=YES", ""), 0))),
    ),
    fault(rules.PARTS_STAY, "the newest whole segment has lost its parts", in_last(in_blocks(_remove_parts))),
    fault(rules.PARTS_LEAVE, "a segment far from the end still lists its parts", _parts_linger),
    fault(rules.LENGTH, "all but two segments are removed", in_last(in_blocks(_shorter))),
    fault(rules.ENDLIST, "after ENDLIST the playlist goes on", _end_taken_back),
    fault(rules.BLOCKING, "a blocking reload is answered before the part is there", _answered_too_early),
    fault(rules.DATES, "a segment is dated 10 ms late", _dated(10)),
    fault(
        rules.DATES_FORWARD,
        "a segment is dated before the one before it",
        _dated(-4100),
        "dates",
        "same-dates",
        "in-step",
    ),
    fault(
        rules.HINT,
        "another part is hinted at than comes",
        in_last(swap_pattern(r'(TYPE=PART,URI=").*"', r'\g<1>180p/x.m4s"'), before=1),
    ),
    fault(rules.HINT_AT_END, "a part is hinted at though its segment has all it gets", _hint_beyond),
    fault(rules.DELTA, "a Delta Update skips what was never told", _skips_what_nobody_knows),
)
