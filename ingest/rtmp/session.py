"""One RTMP connection from the server's side, as a sans-IO state machine: bytes in, events out, bytes to send.

    state        what happens                            next         what is sent
    -----------  --------------------------------------  -----------  ----------------------------------------------
    HANDSHAKE    C0 and C1                               HANDSHAKE    S0, S1, S2
                 C2                                      CONNECTING
    CONNECTING   connect                                 IDLE         window, bandwidth, chunk size, _result
                 connect that has to log in              CLOSED       _error NetConnection.Connect.Rejected (LoginError)
                 any other command                       CLOSED       (PeerError)
    IDLE         publish -> PublishAsked                 ASKED
    ASKED        accept()                                PUBLISHING   StreamBegin, onStatus NetStream.Publish.Start
                 refuse(text)                            CLOSED       onStatus NetStream.Publish.BadName
    PUBLISHING   media -> Track, Packet, MetadataSet     PUBLISHING
                 video in another codec -> Warned        CLOSED       onStatus NetStream.Publish.Denied (PeerError)
                 audio in another codec -> Warned, once  PUBLISHING
                 FCUnpublish, deleteStream, closeStream
                     -> Unpublished                      IDLE         onStatus NetStream.Unpublish.Success
    connected    play                                    CLOSED       onStatus NetStream.Play.Failed (PeerError)
                 createStream                            (same)       _result
                 FCPublish                               (same)       _result, onFCPublish
                 releaseStream, _checkbw, ...            (same)       _result
                 an unknown command with a transaction   (same)       _error NetConnection.Call.Failed
                 ping; a window of bytes                 (same)       ping response; acknowledgement
                 another bandwidth than the last         (same)       window
                 data that cannot be read                (same)
    any          close(text)                             CLOSED       onStatus NetConnection.Connect.Closed
                 a broken rule                           CLOSED       onStatus NetConnection.Connect.Closed (PeerError)

Rules: commands are answered with the transaction id that they came with, none is left hanging; one whose id is 0 wants
no answer, but for connect and createStream, which nobody can do without. Nothing is said before the handshake is done.
Media counts only in PUBLISHING. Limits widen once a publisher is accepted, and are narrow again after it has stopped.
A ``PeerError`` ends the session; what ``data_to_send`` then holds is still to be sent. Source: Adobe's RTMP 1.0 (2012),
section 7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ingest.media import Kind, Packet, Track
from ingest.rtmp import messages
from ingest.rtmp.adobe import AdobeLogin
from ingest.rtmp.chunks import ChunkReader, ChunkWriter, Message
from ingest.rtmp.claims import claim
from ingest.rtmp.enhanced import CAN_DECODE, CAPABILITIES, FOUR_LETTERS, MAIN
from ingest.rtmp.errors import CodecError, ConfigError, LocalError, LoginError, PeerError, TooLargeError
from ingest.rtmp.flv import FlvReader, OtherTrack
from ingest.rtmp.handshake import ServerHandshake
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command
from ingest.source import Claim

_WINDOW: Final = 2_500_000
_CHUNK_SIZE: Final = 4096
_CONTROL, _COMMANDS = 2, 3  # chunk stream ids
_STREAM_ID: Final = 1
_HARMLESS: Final[dict[str, object]] = {
    "releaseStream": None,
    "FCPublish": None,
    "FCSubscribe": None,
    "_checkbw": None,
    "getStreamLength": 0,
}
"""What can be agreed to at once, and what the answer holds."""
_PUBLISHES: Final = {"level": "status", "code": "NetStream.Publish.Start", "description": "FCPublish"}
"""What some encoders wait for after FCPublish; others pass it over. It says nothing of the key."""
_UNPUBLISH = frozenset({"FCUnpublish", "deleteStream", "closeStream"})
_LONGEST_NAME = 100
_FOUR_LETTERS: Final = {letters.decode(): codec.kind for letters, codec in FOUR_LETTERS.items()}
_ENHANCED: Final = {  # Enhanced RTMP v2, "Enhancing NetConnection connect Command"
    "fourCcList": list(_FOUR_LETTERS),
    "videoFourCcInfoMap": {letters: CAN_DECODE for letters, kind in _FOUR_LETTERS.items() if kind is Kind.VIDEO},
    "audioFourCcInfoMap": {letters: CAN_DECODE for letters, kind in _FOUR_LETTERS.items() if kind is Kind.AUDIO},
    "capsEx": CAPABILITIES,
}


@dataclass(frozen=True, slots=True)
class PublishAsked:
    """The peer wants to publish: ``accept`` or ``refuse`` before the next event."""

    claim: Claim
    software: str


@dataclass(frozen=True, slots=True)
class MetadataSet:
    """What the host says about its stream."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the host should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The peer ended its stream; it may publish again."""


Event = PublishAsked | MetadataSet | Track | Packet | Warned | Unpublished


class State(Enum):
    """Where a session stands."""

    HANDSHAKE = auto()
    CONNECTING = auto()
    IDLE = auto()
    ASKED = auto()
    PUBLISHING = auto()
    CLOSED = auto()


class ServerSession:
    """A session; feed it with ``receive_data``, and send what ``data_to_send`` returns after each call."""

    def __init__(self, limits: Limits | None = None, login: AdobeLogin | None = None) -> None:
        self.state = State.HANDSHAKE
        self._limits = limits or Limits()
        self._login = login or AdobeLogin(lambda: 0)
        self._handshake = ServerHandshake()
        self._reader = ChunkReader(self._limits)
        self._writer = ChunkWriter()
        self._out = bytearray()
        self._flv = FlvReader()
        self._left_out: set[Kind] = set()
        self._broken: set[Kind] = set()
        self._app = ""
        self._tc_url = ""
        self._claim: Claim | None = None  # of who has authenticated itself
        self._software = ""
        self._received = 0
        self._stranger_since = 0  # the value of _received at which the peer became a stranger
        self._stranger_messages = self._stranger_payload = 0
        self._acknowledged = 0
        self._window = _WINDOW
        self._told_window = _WINDOW
        self._stream_id = _STREAM_ID
        self._told = False
        self.media = 0
        """Grows while media comes, and by nothing else that a publisher sends."""

    def data_to_send(self) -> bytes:
        """Return what is to be sent to the peer, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take bytes and yield what they mean. Raises PeerError.

        An iterator because the answer to ``PublishAsked`` decides what the bytes after it mean. Exhaust it before the
        next call, or give the session up.
        """
        if self.state is State.CLOSED:
            return
        try:
            yield from self._receive(data)
        except PeerError as error:
            if self.state is not State.HANDSHAKE and not self._told:
                self._status("error", "NetConnection.Connect.Closed", str(error))
            self.state = State.CLOSED
            raise

    def accept(self) -> None:
        """The publisher may publish."""
        self._expect(State.ASKED)
        self.state = State.PUBLISHING
        self._flv = FlvReader()
        self._left_out.clear()
        self._broken.clear()
        self._reader.trust(True)
        self._control(messages.UserControl(messages.STREAM_BEGIN, self._stream_id).message())
        self._status("status", "NetStream.Publish.Start", "You are publishing")

    def refuse(self, reason: str) -> None:
        """The publisher may not publish; ``reason`` is for a person to read."""
        self._expect(State.ASKED)
        self.state = State.CLOSED
        self._status("error", "NetStream.Publish.BadName", reason)

    def close(self, reason: str) -> None:
        """End the session from this side, for instance because a newer publisher takes over.

        NetConnection.Connect.Closed says just that, and blames neither the key nor the stream. ffmpeg prints ``reason``
        and stops. OBS throws away what it is sent while it streams, so no code would be wiser: it sees the connection
        end, calls it disconnected and not failed, and reconnects by itself.
        """
        if self.state not in (State.HANDSHAKE, State.CLOSED):
            self._status("error", "NetConnection.Connect.Closed", reason)
        self.state = State.CLOSED

    def _receive(self, data: bytes) -> Iterator[Event]:
        self._received += len(data)
        if self.state is State.HANDSHAKE:
            self._out += self._handshake.receive(data)
            if not self._handshake.done:
                return
            self.state = State.CONNECTING
            data = self._handshake.rest()
        for message in self._reader.receive(data):
            if self.state is not State.PUBLISHING:
                self._count(message)
            for typed in messages.parse(message, self._limits):
                yield from self._handle(typed)
                if self.state is State.CLOSED:
                    return
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._control(messages.Acknowledgement(self._received).message())
        if self.state is State.PUBLISHING and self._reader.in_media:
            self.media += 1
        if self.state is not State.PUBLISHING:
            self._bound(self._received - self._stranger_since)

    def _count(self, message: Message) -> None:
        """Count a stranger's message: what came in one piece with it is not counted yet."""
        self._stranger_messages += 1
        if self._stranger_messages > self._limits.stranger_messages:
            raise TooLargeError("too many messages without a stream being published")
        self._stranger_payload += len(message.payload)
        self._bound(self._stranger_payload)

    def _bound(self, stranger: int) -> None:
        most = self._limits.stranger_bytes
        if stranger > most:
            raise TooLargeError(f"more than {most} bytes without a stream being published")

    def _handle(self, message: messages.Typed) -> Iterator[Event]:
        match message:
            case messages.Media():
                if self.state is State.PUBLISHING:
                    self.media += bool(message.body)
                    yield from self._media(message)
            case messages.Data(values=values):
                yield from self._data(values)
            case Command():
                yield from self._command(message)
            case messages.UserControl(event=messages.PING_REQUEST, value=value):
                self._control(messages.UserControl(messages.PING_RESPONSE, value).message())
            case messages.WindowAckSize(size=size):
                self._window = max(size, 1)
            case messages.SetPeerBandwidth(size=size):
                if size != self._told_window:  # as 5.4.5 asks
                    self._told_window = size
                    self._control(messages.WindowAckSize(size).message())
            case _:
                pass

    def _media(self, message: messages.Media) -> Iterator[Event]:
        kind = Kind.VIDEO if message.video else Kind.AUDIO
        if kind in self._left_out:
            return
        read = self._flv.video if message.video else self._flv.audio
        try:
            found = read(message.timestamp, message.body)
        except CodecError as error:
            self._left_out.add(kind)
            yield Warned(str(error))
            if kind is Kind.VIDEO:
                self._status("error", "NetStream.Publish.Denied", str(error))
                raise
        except ConfigError as error:
            if kind not in self._broken:
                self._broken.add(kind)
                yield Warned(str(error))
        else:
            for item in found:
                if isinstance(item, OtherTrack):
                    yield Warned(
                        f"{item.kind} track {item.number} ({item.codec}) is not used: only the main track, number"
                        f" {MAIN}, plays"
                    )
                else:
                    yield item

    def _data(self, values: tuple[object, ...]) -> Iterator[Event]:
        if values[:1] == ("@setDataFrame",):
            values = values[1:]
        if self.state is State.PUBLISHING and values[:1] == ("onMetaData",) and len(values) > 1:
            found = values[1]
            if isinstance(found, dict):
                yield MetadataSet(found)

    def _command(self, command: Command) -> Iterator[Event]:
        name = command.name
        if name == "connect":
            self._connect(command)
        elif self.state is State.CONNECTING:
            raise PeerError(f"the peer began with {name[:_LONGEST_NAME]!r} and not with connect")
        elif name == "createStream":
            self._result(command, None, _STREAM_ID)
        elif name == "publish":
            yield from self._publish(command)
        elif name in _UNPUBLISH:
            if self.state is State.PUBLISHING:
                self._unpublish()
                yield Unpublished()
            self._answer(command, None)
        elif name in _HARMLESS:
            self._answer(command, None, _HARMLESS[name])
            if name == "FCPublish":
                self._send(Command("onFCPublish", command.transaction, (None, _PUBLISHES)).message(), _COMMANDS)
        elif name == "play":
            text = "this server takes publishers by RTMP; viewers open the room's web link"
            self._status("error", "NetStream.Play.Failed", text)
            raise PeerError("the peer wants to play: viewers open the room's web link")
        elif command.transaction and name not in ("_result", "_error"):
            self._fail(command, "NetConnection.Call.Failed", f"{name[:_LONGEST_NAME]} is not known here")

    def _connect(self, command: Command) -> None:
        if self.state is not State.CONNECTING:
            raise PeerError("the peer connects a second time")
        properties = command.arguments[0] if command.arguments else None
        if isinstance(properties, Mapping):
            self._app = _text(properties.get("app"))
            self._tc_url = _text(properties.get("tcUrl"))
            software = _text(properties.get("flashVer"))[:_LONGEST_NAME]
            self._software = "".join(letter if letter.isprintable() else "?" for letter in software)
        try:
            self._claim = self._login.claim(self._app, self._tc_url)
        except LoginError as error:
            self._fail(command, "NetConnection.Connect.Rejected", str(error))
            self._told = True
            raise
        self.state = State.IDLE
        self._control(messages.WindowAckSize(_WINDOW).message())
        self._control(messages.SetPeerBandwidth(_WINDOW).message())
        self._control(messages.SetChunkSize(_CHUNK_SIZE).message())
        self._writer.chunk_size = _CHUNK_SIZE
        information = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connected",
            "objectEncoding": 0,
        }
        self._result(command, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31, **_ENHANCED}, information)

    def _publish(self, command: Command) -> Iterator[Event]:
        if self.state is not State.IDLE:
            raise PeerError("the peer publishes a second stream on one connection")
        self.state = State.ASKED
        self._stream_id = command.stream_id
        # Some leave out the null that stands where other calls have their object.
        stream = next((_text(value) for value in command.arguments[:2] if value is not None), "")
        yield PublishAsked(self._claim or claim(self._app, self._tc_url, stream), self._software)
        if self.state is State.ASKED:
            raise LocalError("a publisher was neither accepted nor refused")

    def _unpublish(self) -> None:
        self.state = State.IDLE
        self._reader.trust(False)
        self._stranger_since = self._received
        self._stranger_messages = self._stranger_payload = 0
        self._status("status", "NetStream.Unpublish.Success", "You have stopped publishing")

    def _answer(self, command: Command, *values: object) -> None:
        if command.transaction:
            self._result(command, *values)

    def _result(self, command: Command, *values: object) -> None:
        self._send(Command("_result", command.transaction, values).message(), _COMMANDS)

    def _fail(self, command: Command, code: str, description: str) -> None:
        information = {"level": "error", "code": code, "description": description}
        self._send(Command("_error", command.transaction, (None, information)).message(), _COMMANDS)

    def _status(self, level: str, code: str, description: str) -> None:
        self._told = level == "error"
        information = {"level": level, "code": code, "description": description}
        self._send(Command("onStatus", 0, (None, information), self._stream_id).message(), _COMMANDS)

    def _control(self, message: Message) -> None:
        self._send(message, _CONTROL)

    def _send(self, message: Message, chunk_stream_id: int) -> None:
        self._out += self._writer.write(message, chunk_stream_id)

    def _expect(self, state: State) -> None:
        if self.state is not state:
            raise LocalError(f"not possible in state {self.state.name}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
