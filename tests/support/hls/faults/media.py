"""A planted fault for each rule of media."""

import struct
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

from tests.support.boxes import read_chunk
from tests.support.hls import rules
from tests.support.hls.faults.planting import PICTURE, SOUND, Fault, Plant, fault, in_all, swap
from tests.support.hls.legal import Record
from tests.support.hls.media import Media, split
from tests.support.hls.reader import read

_MIDDLE = -4
"""The segment that is neither the first nor the last, which are decoded."""


def _in(rendition: str, change: Callable[[Media, int], None], place: int = _MIDDLE) -> Plant:
    """Change the media of a rendition, at the segment in that ``place`` of the last playlist."""

    def plant(record: Record) -> Record:
        media = deepcopy(record.media)
        change(media[rendition], read(record.playlists[rendition][-1].text).whole[place].number)
        return replace(record, media=media)

    return plant


def _each_init(change: Callable[[bytes], bytes]) -> Plant:
    return _in(PICTURE, lambda media, _: media.inits.update({uri: change(data) for uri, data in media.inits.items()}))


def _other_parameters(data: bytes) -> bytes:
    """The sequence parameter set is another one: noise."""
    at = data.index(b"avcC") + 4 + 8
    return data[: at + 4] + bytes(255 - byte for byte in data[at + 4 : at + 12]) + data[at + 12 :]


def _no_key(media: Media, number: int) -> None:
    """The first picture of a segment is not an IDR."""
    first = media.parts[number, 0]
    sample = read_chunk(first).rows[0].data
    at, within = first.index(sample), 0
    made = bytearray(first)
    while within < len(sample):
        if sample[within + 4] & 31 == 5:
            made[at + within + 4] = sample[within + 4] & ~31 | 1
        within += 4 + int.from_bytes(sample[within : within + 4], "big")
    media.parts[number, 0] = bytes(made)
    media.segments[number] = bytes(made) + media.segments[number][len(first) :]


def _cut_off(media: Media, number: int) -> None:
    media.parts[number, 1] = media.parts[number, 1][:-3]


def _noise(media: Media, number: int) -> None:
    data = media.segments[number]
    media.segments[number] = data[:-1] + bytes((data[-1] ^ 1,))


def _last_part_missing(media: Media, number: int) -> None:
    pieces = list(split(media.segments[number]))
    media.segments[number] = b"".join(pieces[:-1])
    del media.parts[number, len(pieces) - 1]


def _moved(data: bytes, by: int) -> bytes:
    """Media that is decoded ``by`` units later."""
    pieces = []
    for piece in split(data):
        at = piece.index(b"tfdt") + 8
        (time,) = struct.unpack_from(">Q", piece, at)
        pieces.append(piece[:at] + struct.pack(">Q", time + by) + piece[at + 8 :])
    return b"".join(pieces)


def _one_earlier(media: Media, number: int) -> None:
    media.segments[number] = _moved(media.segments[number], -480)
    for key in [key for key in media.parts if key[0] == number]:
        media.parts[key] = _moved(media.parts[key], -480)


def _all_later(media: Media, _: int) -> None:
    for key, data in media.parts.items():
        media.parts[key] = _moved(data, 2880)
    for number, data in media.segments.items():
        media.segments[number] = _moved(data, 2880)


def _marked(record: Record) -> Record:
    number = read(record.playlists[PICTURE][-1].text).whole[_MIDDLE].number
    return in_all(swap(f'{number}.3.m4s"', f'{number}.3.m4s",INDEPENDENT=YES'))(record)


def _unmarked(record: Record) -> Record:
    number = read(record.playlists[PICTURE][-1].text).whole[_MIDDLE].number
    return in_all(swap(f'{number}.0.m4s",INDEPENDENT=YES', f'{number}.0.m4s"'))(record)


def _said_shorter(record: Record) -> Record:
    number = read(record.playlists[PICTURE][-1].text).whole[_MIDDLE].number
    return in_all(swap(f'=0.20000,URI="180p/{number}.3.m4s"', f'=0.19500,URI="180p/{number}.3.m4s"'))(record)


MEDIA: tuple[Fault, ...] = (
    fault(rules.INIT, "an init segment that ends early", _each_init(lambda data: data[:-9]), media=True),
    fault(rules.CHUNK, "a part without its last bytes", _in(PICTURE, _cut_off), "whole", media=True),
    fault(rules.DECODES, "an init segment with another parameter set", _each_init(_other_parameters), media=True),
    fault(rules.INDEPENDENT, "a segment begins without a keyframe", _in(PICTURE, _no_key), "part-key", media=True),
    fault(rules.PART_KEY, "a part in mid-segment is marked INDEPENDENT", _marked, media=True),
    fault(rules.PART_UNMARKED, "a segment's first part is not marked INDEPENDENT", _unmarked, media=True),
    fault(rules.WHOLE, "a segment differs in a bit from its parts", _in(PICTURE, _noise), media=True),
    fault(rules.SEGMENT_LENGTH, "a segment lacks its last part", _in(PICTURE, _last_part_missing, -1), media=True),
    fault(rules.PART_LENGTH, "a part is said to last 5 ms less", _said_shorter, media=True),
    fault(rules.CONTINUOUS, "a segment of sound begins 10 ms early", _in(SOUND, _one_earlier), media=True),
    fault(rules.TOGETHER, "all sound is 60 ms late", _in(SOUND, _all_later), media=True),
)
