"""Hostile bytes for an RTMP session: what has to hold whatever comes, what to begin with, and how it is spoilt.

An input's first byte is its scene, how far the dialogue has come before the rest is fed. ``check`` raises ``Broken``
(or what the session raises) where a rule does not hold: there are typed events or a PeerError, what is held and what
is answered is bounded, and byte by byte the same comes of it as in one piece. ``tests/bench/fuzz.py`` drives it.
"""

import functools
import pickle
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ingest.rtmp import amf0
from ingest.rtmp.adobe import AdobeLogin
from ingest.rtmp.chunks import AGGREGATE, ChunkWriter, Message, basic_header
from ingest.rtmp.errors import HandshakeError, LoginError, PeerError
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import (
    COMMAND_AMF3,
    DATA_AMF3,
    PING_REQUEST,
    Abort,
    Acknowledgement,
    Command,
    Data,
    Media,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAckSize,
)
from ingest.rtmp.session import Event, PublishAsked, ServerSession
from tests.support import codecs
from tests.support.rtmp_client import Script

STRICT = Limits(
    stranger_bytes=5000, stranger_messages=12, message=1000, media_message=2000, held=700, chunk_streams=8, amf_depth=4
)
"""So narrow that short inputs meet every limit."""
PATIENT = Limits(stranger_bytes=1 << 30, stranger_messages=1 << 30, message=20_000, media_message=50_000, held=100_000)
"""A stranger's limits look at what comes in one piece, so that the split would tell: here they do not count."""
LONGEST = 1000
_ANSWER, _AMPLIFIED = 5000, 30  # bytes that may be answered whatever came, and for each byte that came
_EVENTS = get_args(Event)
_LOGIN = AdobeLogin(lambda: 0)

_RECORDINGS = Path(__file__).parent.parent / "data" / "rtmp"
_HANDSHAKE = Script().handshake() + bytes(1536)
_CONNECT = Script().connect("live", "x")
_PUBLISH = Script().command("publish", 2, None, "key", stream_id=1)
SCENES = (b"", _HANDSHAKE, _HANDSHAKE + _CONNECT, _HANDSHAKE + _CONNECT + _PUBLISH)
STRANGER, GREETED, CONNECTED, PUBLISHING = range(4)


class Broken(AssertionError):
    """A rule does not hold; the text says which."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session made of bytes: its events as they print, and the error that ended it."""

    events: tuple[str, ...]
    error: str


def check(data: bytes, both: bool) -> None:
    """Feed ``data`` in one piece, within narrow limits; with ``both`` compare that with byte by byte. Raises Broken."""
    if not data:
        return
    scene, rest = data[0] % len(SCENES), data[1:]
    play(STRICT, scene, rest)
    if both:
        whole = play(PATIENT, scene, rest)
        apart = play(PATIENT, scene, *(rest[at : at + 1] for at in range(len(rest))))
        if whole != apart:
            raise Broken(f"byte by byte it is {apart}, and in one piece {whole}")


def play(limits: Limits, scene: int, *parts: bytes) -> Outcome:
    """Feed a session of ``scene`` that accepts every publisher. Raises Broken."""
    session = _session(limits, scene)
    events: list[str] = []
    fed = sent = 0
    try:
        for part in parts:
            fed += len(part)
            for event in session.receive_data(part):
                if not isinstance(event, _EVENTS):
                    raise Broken(f"no event: {event!r}")
                events.append(repr(event))
                if isinstance(event, PublishAsked):
                    session.accept()
            sent += len(session.data_to_send())
            if session._reader.held > limits.held:
                raise Broken(f"{session._reader.held} bytes are held")
    except (HandshakeError, LoginError) as error:
        # What a stranger looks like is told as soon as it can be, and a login is never asked for twice alike.
        return Outcome(tuple(events), type(error).__name__)
    except PeerError as error:
        if not str(error):
            raise Broken(f"{type(error).__name__} says nothing") from error
        return Outcome(tuple(events), f"{type(error).__name__}: {error}")
    finally:
        sent += len(session.data_to_send())
        if sent > _ANSWER + _AMPLIFIED * fed:
            raise Broken(f"{fed} bytes are answered with {sent}")
    return Outcome(tuple(events), "")


def _session(limits: Limits, scene: int) -> ServerSession:
    """Return a session that has come so far: a copy takes far less time than the dialogue does."""
    session: ServerSession = pickle.loads(_pickled(limits, scene))
    session._login = _LOGIN
    return session


@functools.cache
def _pickled(limits: Limits, scene: int) -> bytes:
    session = ServerSession(limits)
    for event in session.receive_data(SCENES[scene]):
        assert isinstance(event, PublishAsked)
        session.accept()
    session.data_to_send()
    del session._login  # it has a clock, which no copy can be made of
    return pickle.dumps(session)


# --- what is spoilt --------------------------------------------------------------------------------------------


def seeds() -> list[bytes]:
    """Inputs that are as they should be: each scene, message, codec and value."""
    script = Script()
    dialogue = [
        script.command(name, number, None, "key", stream_id=number % 2)
        for number, name in enumerate(
            ("releaseStream", "FCPublish", "createStream", "publish", "FCUnpublish", "deleteStream", "closeStream",
             "_checkbw", "getStreamLength", "FCSubscribe", "play", "dance", "_result")
        )
    ]  # fmt: skip
    values: list[object] = [None, True, -1.5, "text", {"a": {"b": [1.0, None]}}, ["x", {}], "long" * 20]
    made = [
        bytes((STRANGER,)) + _HANDSHAKE[:200],
        *(bytes((STRANGER,)) + greeting for greeting in _STRANGERS),
        *(bytes((GREETED,)) + Script().connect(app, "x") for app in ("live", *_logins())),
        *(bytes((GREETED,)) + path.read_bytes()[len(_HANDSHAKE) :] for path in sorted(_RECORDINGS.glob("*.bin"))),
        bytes((GREETED,)) + _CONNECT + script.chunk_size(4096) + b"".join(dialogue[:4]),
        *(bytes((scene,)) + call for scene in (CONNECTED, PUBLISHING) for call in dialogue),
        *(bytes((PUBLISHING,)) + ChunkWriter().write(message, 4) for message in _messages(values)),
        *(bytes((PUBLISHING,)) + line for line in _chunks()),
    ]
    for picture, sound in (
        ("h264", "aac"),
        ("hevc", "opus"),
        ("av1", "flac"),
        ("vp9", "ac3"),
        ("h264", "mp3"),
        ("h264", "pcma"),
    ):
        made += _media(picture, sound)
    made += [bytes((PUBLISHING,)) + b"".join(Script().media(Media(*tag)) for tag in stream) for stream in _RARE]
    return [data[:LONGEST] for data in made]


def _logins() -> list[str]:
    """Apps that are connected to, to log in (``ingest/rtmp/adobe.py``)."""
    salt = "0" * 16
    answer = f"challenge={salt}&response=x&opaque={_LOGIN._sign('demo', salt, 0)}"
    said = ("user=demo", "user=", f"user=demo&{answer}", "user=demo&response=x&opaque=0")
    return ["login", *(f"login?authmod=adobe&{each}" for each in said)]


_STRANGERS = (
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\0\x01\0",
    b"\x47\x40\x11\x10" + bytes(184) + b"\x47",
    b"OPTIONS rtsp://x RTSP/1.0\r\n",
    b"\x06" + bytes(100),
)


def _messages(values: Sequence[object]) -> list[Message]:
    metadata = {"width": 640.0, "encoder": "x", "framerate": 30.0}
    amf3 = b"\0" + amf0.encode("dance", 5.0, None)
    wrapped = b"\0" + amf0.encode("dance", 5.0) + b"\x11"  # and AMF3 from here on
    return [
        *(Command("dance", 4, (value,)).message() for value in values),
        Data(("@setDataFrame", "onMetaData", metadata)).message(),
        Data(("onMetaData", metadata)).message(),
        *(Message(COMMAND_AMF3, 0, 0, body) for body in (amf3, *(wrapped + value for value in _AMF3))),
        Message(DATA_AMF3, 0, 0, b"\0" + amf0.encode("onMetaData") + b"\x11" + _AMF3[-1]),
        *(Message(20, 0, 0, amf0.encode("dance", 6.0) + value) for value in _AMF0),
        *(each.message() for each in (SetChunkSize(1), SetChunkSize(1 << 30), Abort(4), Acknowledgement(9))),
        *(each.message() for each in (WindowAckSize(1), SetPeerBandwidth(1000), UserControl(PING_REQUEST, 7))),
        Message(AGGREGATE, 1, 5, _tag(9, 40, b"\x17\1\0\0\0nal") + _tag(8, 41, b"\xaf\1raw") + _tag(18, 42, b"\2\0\0")),
    ]


_AMF0 = (
    b"\x08\0\0\0\1\0\1a\5\0\0\x09",  # an ECMA array
    b"\x0a\0\0\0\2\5\5",
    b"\x0b" + bytes(10),
    b"\x0c\0\0\0\4long",
    b"\x10\0\1T\0\1a\5\0\0\x09",
    b"\x03\0\1a\x07\0\0\0\0\x09",
    b"\x0a\0\0\0\2\x03\0\1a\5\0\0\x09\x07\0\1",
    b"\x06\x0d\x0f\0\0\0\2<>",
)
"""Values that are not written here: arrays, a date, a long string, a typed object, references and more."""
_AMF3 = (
    b"\0\1\2\3",
    b"\4\x81\0\5" + bytes(8),
    b"\6\7abc\6\0",
    b"\x08\1" + bytes(8) + b"\x08\0",
    b"\x09\5\1\4\1\4\2",
    b"\x0a\x0b\1\7key\4\1\1",
    b"\x0a\x13\3T\3a\4\1\x0a\1\4\2",
    b"\x0c\7abc\x07\7xml\x0b\5xy",
    b"\x0d\5\0" + bytes(8),
    b"\x0e\3\0" + bytes(4),
    b"\x0f\3\0" + bytes(8),
    b"\x10\5\0\3T\4\1\4\2",
    b"\x11\3\0\6\3a\4\1",
    b"\x0a\7\x43flex.messaging.io.ArrayCollection\x09\3\1\4\1",
    b"\x09\3\3a\4\1\1\x0a\x0b\1\1",
    b"\x09\5\1\x0a\x0b\1\1\x0a\2",
    b"\x0b\5<>\4\xff\xff\xff\xff",
)


_RARE = (
    [(True, 0, b"\x90av01\x81\0\x0c\0"), (True, 1, b"\x91av01\x12\0\x0a\x03abc\x32\1x")],  # its header in a frame
    [(True, 0, b"\x90av01\x81\0\x0c\0"), (True, 1, b"\x91av01\x08abc")],
    [(True, 0, b"\x90av01\x81\0\x0c\0"), (True, 1, b"\x91av01\x0e\0\xff\xff\xff\xff\xff\1")],
    [(True, 0, b"\x90vp09\x00\x14\x82\2\2\2\0\0"), (True, 1, b"\x91vp09\xa2\x49\x83\x42\x20" + bytes(8))],
    [(True, 0, b"\x91vp09\xb1\x24\xc1\xa1\x70" + bytes(8)), (True, 1, b"\x91vp09\x92\x49\x83\x42\0" + bytes(8))],
    [(True, 0, b"\x1c\0\0\0\0\1" + bytes(21) + b"\1\x21\0\1\0\2xx"), (True, 1, b"\x2c\1\0\0\0nal")],
    [(True, 0, b"\x17\0\0\0\0"), (True, 0, b"\x17\2\0\0\0"), (True, 0, b"\x57\0"), (True, 0, b"\x22"), (True, 0, b"")],
    [(False, 0, b"\xaf\0"), (False, 0, b"\xaf"), (False, 0, b"\x82"), (False, 0, b"\x5f"), (False, 0, b"\xbf")],
    [(False, 0, b"\x90OpusOpusHead" + bytes(11)), (False, 1, b"\x91OpusOpusTags"), (False, 2, b"\x92Opus")],
    [(False, 0, b"\x90fLaCfLaC\x80\0\0\x22" + bytes(10) + b"\x0b\xb8\2\xf0" + bytes(20))],
)
"""What no muxer here writes: media as (whether it is a picture, its time, the tag's body)."""


def _tag(type_id: int, stamp: int, body: bytes) -> bytes:
    header = bytes((type_id,)) + len(body).to_bytes(3, "big") + stamp.to_bytes(3, "big") + bytes(4)
    return header + body + (11 + len(body)).to_bytes(4, "big")


def _chunks() -> list[bytes]:
    """Chunk streams: every form, wide ids, extended times with and without their repeat, messages interleaved."""
    body = b"\xaf\1" + bytes(200)
    head = len(body).to_bytes(3, "big") + b"\x08\1\0\0\0"
    extended = b"\xff\xff\xff" + head + b"\1\0\0\0"
    return [
        basic_header(0, 300) + bytes(3) + head + body[:128] + basic_header(3, 300) + body[128:],
        basic_header(0, 70) + bytes(3) + head + body[:128] + basic_header(3, 70) + body[128:]
        + basic_header(1, 70) + b"\0\0\x20" + head[:4] + body[:128] + basic_header(3, 70) + body[128:]
        + basic_header(2, 70) + b"\0\0\x20" + body[:128] + basic_header(3, 70) + body[128:]
        + basic_header(3, 70) + body[:128] + basic_header(3, 70) + body[128:],
        basic_header(0, 4) + extended + body[:128] + basic_header(3, 4) + b"\1\0\0\0" + body[128:] + basic_header(3, 4),
        basic_header(0, 4) + extended + body[:128] + basic_header(3, 4) + body[128:],
        basic_header(0, 4) + bytes(3) + head + body[:128] + basic_header(0, 6) + bytes(3) + head + body[:128]
        + basic_header(3, 4) + body[128:] + basic_header(3, 6) + body[128:],
        b"".join(basic_header(0, 3 + number) + bytes(3) + head + body[:16] for number in range(3)),
        Script().chunk_size(256)
        + b"".join(basic_header(0, 4 + number) + bytes(3) + b"\0\1\1\x09\1\0\0\0" + bytes(256) for number in range(3)),
        Script().chunk_size(1) + b"".join(basic_header(3 if at else 0, 4) + (b"" if at else bytes(3) + head)
                                         + body[at : at + 1] for at in range(len(body))),
    ]  # fmt: skip


def _media(picture: str, sound: str) -> list[bytes]:
    """The beginning of a stream in these codecs: sequence headers, and frames cut short."""
    script = Script()
    begin = bytes((PUBLISHING,)) + script.chunk_size(4096)
    tags = codecs.tags(picture, sound, 0.5)
    made = []
    for video in (True, False):
        mine = [tag for tag in tags if tag.video is video][:3]
        bodies = [mine[0].body[:600], *(tag.body[:60] for tag in mine[1:])]
        made.append(
            begin
            + b"".join(script.media(tag._replace(body=body).media) for tag, body in zip(mine, bodies, strict=True))
        )
        for body in bodies:
            made.append(
                begin + b"".join(script.media(mine[0]._replace(body=each).media) for each in _dressed(video, body))
            )
    return made


def _dressed(video: bool, body: bytes) -> list[bytes]:
    """A tag of Enhanced RTMP, as ModEx and as multitrack; one that is none, as it is."""
    if not (body[0] & 0x80 if video else body[0] >> 4 == 9):
        return [body]
    head, packet_type, rest = body[0] & 0xF0, body[0] & 0x0F, body[1:]
    four, data = rest[:4], rest[4:]
    modified, many = (7, 6) if video else (7, 5)
    return [
        body,
        bytes((head | modified, 2)) + b"\0\0\5" + bytes((packet_type,)) + rest,
        bytes((head | many, packet_type)) + four + b"\0" + data,
        bytes((head | many, 0x10 | packet_type)) + four + b"\0" + len(data).to_bytes(3, "big") + data + b"\1\0\0\2xx",
        bytes((head | many, 0x20 | packet_type)) + four + b"\0" + len(data).to_bytes(3, "big") + data,
    ]


# --- how ---------------------------------------------------------------------------------------------------------

_WORDS = (
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\x09", b"\x11", b"\x0a\x0b\1", b"\x05", b"\xff\xff",
    b"avc1", b"hvc1", b"av01", b"vp09", b"mp4a", b"Opus", b"fLaC", b"ac-3", b"vvc1", b"OpusHead", b"\x0b\x77",
    b"\xff\xfb", b"\x90", b"\x91", b"\x96", b"\x97", b"\x17\0\0\0\0", b"\x1c", b"\xaf\0", b"\xaf\1", b"\x2f", b"\x72",
    b"\x82", b"\x50", b"publish", b"connect", b"createStream", b"onMetaData", b"@setDataFrame", b"\x12\0\x0a\x0b",
)  # fmt: skip


def spoil(rng: random.Random, known: Sequence[bytes]) -> bytes:
    """Return one of ``known`` with a few things amiss."""
    data = bytearray(rng.choice(known))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = int(rng.random() ** 1.5 * len(data))  # more can be broken where the headers are
        match rng.randrange(8):
            case 0:
                data[at : at + 1] = bytes((rng.randrange(256),))
            case 1 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 3:
                del data[at : at + rng.randrange(1, 20)]
            case 4:
                word = rng.choice(_WORDS)
                data[at : at + len(word)] = word
            case 5:
                data[at:at] = data[at : at + rng.randrange(1, 40)]
            case 6:
                other = rng.choice(known)
                data[at:] = other[1 + rng.randrange(max(1, len(other) - 1)) :]
            case _:
                data += rng.choice(known)[1:]
    return bytes(data[:LONGEST])
