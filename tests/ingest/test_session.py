"""The dialogue: FMLE's, its variations, and every way out of it. No sockets."""

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from ingest.media import Kind, Packet, Track
from ingest.rtmp import amf0, messages
from ingest.rtmp.chunks import AGGREGATE, ChunkWriter, Message
from ingest.rtmp.errors import LocalError, MessageError, PeerError, TooLargeError
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command, Media, UserControl, WindowAckSize
from ingest.rtmp.session import MetadataSet, PublishAsked, ServerSession, State, Unpublished, Warned
from ingest.source import Claim, SentKey
from tests.support.media import make_clip
from tests.support.rtmp_client import Script, Status, body_of, dialogue
from tests.support.rtmp_server import Replay

AVC_TRACK, AAC_TRACK = make_clip().tracks
VVC = Media(True, 0, b"\x1e\0\0\0\0vvcC")
SPEEX = Media(False, 0, b"\xbfspeex")


class Peer:
    """A publisher's side: a Replay, and what is fed to it by name."""

    def __init__(self, limits: Limits | None = None, refusal: str | None = None) -> None:
        self.replay = Replay(limits, refusal)
        self.script = Script()

    def shake_hands(self) -> "Peer":
        self.replay.feed(self.script.handshake() + bytes(1536))
        return self

    def connect(self, **properties: object) -> "Peer":
        self.shake_hands()
        self.call("connect", 1, {"app": "live", "flashVer": "test host", **properties})
        return self

    def publish(self, stream: object = "key", *kind: str) -> "Peer":
        self.call("createStream", 2, None)
        self.call("publish", 3, None, stream, *kind, stream_id=1)
        return self

    def call(self, name: str, transaction: float, *arguments: object, stream_id: int = 0) -> None:
        self.replay.feed(self.script.command(name, transaction, *arguments, stream_id=stream_id))

    def send(self, *items: Track | Packet | Media) -> None:
        self.replay.feed(*(self.script.media(item) for item in items))

    def say(self, message: Message) -> None:
        self.replay.feed(ChunkWriter().write(message, 2))

    @property
    def last(self) -> Status:
        return self.replay.statuses[-1]

    def answer_to(self, transaction: float) -> Command:
        answers = [one for one in self.replay.commands if one.name in ("_result", "_error")]
        [found] = [one for one in answers if one.transaction == transaction]
        return found


# Connecting.


def test_connect_is_answered_with_window_bandwidth_chunk_size_and_result() -> None:
    peer = Peer().connect()
    assert [type(answer) for answer in peer.replay.answers] == [WindowAckSize, messages.SetPeerBandwidth, Command]
    assert b"\x02\0\0\0\0\0\x04\1\0\0\0\0\0\0\x10\0" in peer.replay.sent, "Set Chunk Size 4096"
    server, information = peer.answer_to(1).arguments
    assert isinstance(information, dict)
    assert information["code"] == "NetConnection.Connect.Success"
    assert isinstance(server, dict)
    assert server["capsEx"] == 2 | 4 | 8, "multitrack, ModEx, nanoseconds"
    video, audio = ["avc1", "hvc1", "av01", "vp09"], ["mp4a", ".mp3", "Opus", "fLaC", "ac-3"]
    assert server["fourCcList"] == video + audio
    assert server["videoFourCcInfoMap"] == dict.fromkeys(video, 1), "they can be decoded"
    assert server["audioFourCcInfoMap"] == dict.fromkeys(audio, 1)


@pytest.mark.parametrize("properties", [None, "text", {"app": 3, "flashVer": None}, {}])
def test_connect_without_sense_in_it(properties: object) -> None:
    peer = Peer().shake_hands()
    peer.call("connect", 1, properties)
    assert peer.publish().replay.events == [PublishAsked(Claim(SentKey("key")), "")]


def test_a_software_is_one_line_of_a_log() -> None:
    peer = Peer().connect(flashVer="FMLE\n12:00 ERROR\x1b[31m" + "x" * 500).publish()
    [asked] = peer.replay.events
    assert isinstance(asked, PublishAsked)
    assert asked.software == "FMLE?12:00 ERROR?[31m" + "x" * 79


def test_connect_comes_first() -> None:
    with pytest.raises(PeerError, match="'createStream' and not with connect"):
        Peer().shake_hands().publish()


def test_connect_comes_once() -> None:
    with pytest.raises(PeerError, match="second time"):
        Peer().connect().call("connect", 4, {"app": "live"})


def test_a_name_that_came_is_cut_and_quoted() -> None:
    with pytest.raises(PeerError) as caught:
        Peer().shake_hands().call("a\n" + "b" * 500, 1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


# Publishing.


def test_the_whole_dialogue() -> None:
    peer = Peer().connect()
    peer.call("releaseStream", 2, None, "key")
    peer.call("FCPublish", 3, None, "key")
    peer.call("createStream", 4, None)
    peer.call("publish", 5, None, "key", "live", stream_id=1)
    assert [peer.answer_to(number).name for number in (2, 3, 4)] == ["_result"] * 3
    assert peer.answer_to(4).arguments == (None, 1.0)
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]
    assert UserControl(messages.STREAM_BEGIN, 1) in peer.replay.answers
    assert peer.last.code == "NetStream.Publish.Start"
    assert peer.replay.session.state is State.PUBLISHING


PRELUDE = ("releaseStream", "FCPublish", "createStream")


@pytest.mark.parametrize(
    "order",
    [
        *permutations(PRELUDE),
        (),
        ("createStream",),
        ("createStream", "createStream"),
        ("FCPublish",),
        ("deleteStream", *PRELUDE),
        ("FCUnpublish", "createStream"),
        ("_checkbw", "createStream", "getStreamLength"),
    ],
    ids=lambda order: " ".join(order) or "nothing",
)
@pytest.mark.parametrize("stream_id", [0, 1, 2])
def test_whatever_comes_before_publish(order: tuple[str, ...], stream_id: int) -> None:
    peer = Peer().connect()
    for number, name in enumerate(order, start=2):
        peer.call(name, number, None, "key")
    peer.call("publish", 20, None, "key", stream_id=stream_id)
    assert [peer.answer_to(number).name for number, _ in enumerate(order, start=2)] == ["_result"] * len(order)
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]
    assert peer.last.code == "NetStream.Publish.Start"
    assert peer.replay.commands[-1].stream_id == stream_id, "it is told where it publishes"
    assert UserControl(messages.STREAM_BEGIN, stream_id) in peer.replay.answers
    peer.send(AVC_TRACK)
    assert peer.replay.events[-1] == AVC_TRACK


def test_fc_publish_has_a_call_back_that_some_encoders_wait_for() -> None:
    peer = Peer().connect()
    peer.call("FCPublish", 3, None, "key")
    result, called = peer.replay.commands[-2:]
    assert (result.name, result.transaction) == ("_result", 3.0)
    assert (called.name, called.transaction) == ("onFCPublish", 3.0)


def test_a_length_is_a_number() -> None:
    peer = Peer().connect()
    peer.call("getStreamLength", 3, None, "key")
    assert peer.answer_to(3).arguments == (None, 0.0)


def test_commands_without_a_transaction() -> None:
    """They want no answer; but none can go on without those to connect and createStream."""
    peer = Peer().shake_hands()
    peer.call("connect", 0, {"app": "live"})
    for name in ("releaseStream", "FCPublish", "createStream"):
        peer.call(name, 0, None, "key")
    peer.call("publish", 0, None, "key")
    assert [one.name for one in peer.replay.commands] == ["_result", "onFCPublish", "_result", "onStatus"]
    assert peer.last.code == "NetStream.Publish.Start"


def test_publish_without_the_null_before_its_name() -> None:
    peer = Peer().connect()
    peer.call("publish", 5, "key", "live")
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]


def test_a_type_of_publishing_is_no_name() -> None:
    peer = Peer().connect()
    peer.call("publish", 5, None, None, "record")
    assert peer.replay.events == [PublishAsked(Claim(SentKey("live")), "test host")], "what stands in the app"


@pytest.mark.parametrize("kind", [(), ("live",), ("record",)])
def test_the_kind_of_publishing_may_be_missing(kind: tuple[str, ...]) -> None:
    assert Peer().connect().publish("key", *kind).last.code == "NetStream.Publish.Start"


@pytest.mark.parametrize("stream", [None, 5, ""])
def test_of_a_stream_without_a_name_the_app_may_hold_the_key(stream: object) -> None:
    peer = Peer().connect(app="live/key").publish(stream)
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]


def test_publish_without_arguments_or_stream() -> None:
    peer = Peer().connect()
    peer.call("publish", 5)
    assert peer.replay.events == [PublishAsked(Claim(SentKey("live")), "test host")]


def test_amf3_commands() -> None:
    peer = Peer().shake_hands()
    for command in (Command("connect", 1, ({"app": "live"},)), Command("publish", 2, (None, "key"))):
        amf0 = command.message().payload
        peer.say(Message(messages.COMMAND_AMF3, 0, 0, b"\0" + bytes(amf0)))
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "")]


def test_a_refused_publisher_is_told_why() -> None:
    peer = Peer(refusal="this stream key is not known here").connect().publish()
    assert peer.last == Status("error", "NetStream.Publish.BadName", "this stream key is not known here")
    assert peer.replay.session.state is State.CLOSED


def test_what_comes_after_a_refusal_is_not_read() -> None:
    replay = Replay(refusal="no")
    replay.feed(dialogue("key", AVC_TRACK), b"whatever")
    assert replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]


def test_an_event_shows_no_key() -> None:
    peer = Peer().connect(app="live?key=a-secret", tcUrl="rtmp://host/live?key=a-secret").publish("demo")
    [asked] = peer.replay.events
    assert asked == PublishAsked(Claim(SentKey("a-secret"), "demo"), "test host")
    assert "secret" not in repr(asked)


def test_the_key_may_stand_in_tc_url() -> None:
    peer = Peer().connect(app=None, tcUrl=" rtmp://host/live?key=key").publish("demo")
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key"), "demo"), "test host")]


def test_a_second_stream_on_one_connection() -> None:
    peer = Peer().connect().publish()
    with pytest.raises(PeerError, match="second stream"):
        peer.call("publish", 6, None, "other")


def test_tracks_and_packets_in_order() -> None:
    clip = make_clip()
    replay = Replay()
    replay.feed(dialogue("key", *clip.tracks, *clip.packets[:50]))
    assert replay.events[1:] == [*clip.tracks, *clip.packets[:50]]


def test_media_before_publish_is_not_taken() -> None:
    peer = Peer().connect()
    peer.send(AVC_TRACK)
    assert peer.replay.events == []


def test_metadata() -> None:
    peer = Peer().connect().publish()
    peer.replay.feed(peer.script.metadata({"width": 1280, "encoder": "x", "nested": {"a": [1]}}))
    assert peer.replay.events[-1] == MetadataSet({"width": 1280.0, "encoder": "x", "nested": {"a": [1.0]}})


@pytest.mark.parametrize("values", [("onMetaData", {"a": 1.0}), ("@setDataFrame", "onMetaData", {"a": 1.0})])
def test_metadata_with_and_without_its_wrapping(values: tuple[object, ...]) -> None:
    peer = Peer().connect().publish()
    peer.say(messages.Data(values).message())
    assert peer.replay.events[-1] == MetadataSet({"a": 1.0})


@pytest.mark.parametrize(
    "values", [(), ("onMetaData",), ("onMetaData", "text"), ("onTextData", {}), ("@setDataFrame",)]
)
def test_data_that_says_nothing(values: tuple[object, ...]) -> None:
    peer = Peer().connect().publish()
    peer.say(messages.Data(values).message())
    assert len(peer.replay.events) == 1


@pytest.mark.parametrize("payload", [b"\x08\0\0\0\1\0\1a", b"\x02\0\x0aonMetaData\x04", b"\xff"])
def test_data_that_cannot_be_read_does_not_end_a_stream(payload: bytes) -> None:
    peer = Peer().connect().publish()
    peer.say(Message(messages.DATA, 1, 0, payload))
    peer.send(AVC_TRACK)
    assert peer.replay.events[1:] == [AVC_TRACK]


def test_metadata_in_amf3() -> None:
    peer = Peer().connect().publish()
    found = bytes.fromhex("11 0a 0b 01 03 61 04 07 01")
    peer.say(Message(messages.DATA_AMF3, 1, 0, b"\0" + amf0.encode("@setDataFrame", "onMetaData") + found))
    assert peer.replay.events[-1] == MetadataSet({"a": 7.0})


def test_an_object_in_amf3_does_not_hide_the_name_after_it() -> None:
    peer = Peer().connect()
    payload = amf0.encode("publish", 5) + b"\x11\x01" + amf0.encode("key", "live")
    peer.say(Message(messages.COMMAND_AMF3, 1, 0, b"\0" + payload))
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]


def test_media_is_told_from_all_else_that_comes() -> None:
    peer = Peer().connect()
    session = peer.replay.session
    peer.send(AAC_TRACK)
    peer.publish()
    assert session.media == 0
    peer.say(UserControl(messages.PING_REQUEST, 0).message())
    peer.call("_checkbw", 9, None)
    peer.replay.feed(peer.script.metadata({"a": 1}))
    peer.send(Media(False, 0, b""))
    assert session.media == 0
    peer.send(SPEEX)
    assert session.media == 1
    picture = peer.script.media(Media(True, 0, b"\x27\1" + bytes(5000)))
    for at in range(0, 4000, 1000):
        peer.replay.feed(picture[at : at + 1000])
    assert session.media == 5, "a picture that takes long to come"
    peer.replay.feed(picture[4000:])
    assert session.media == 6


def test_aggregates() -> None:
    body = body_of(AAC_TRACK)
    tag = b"\x08" + len(body).to_bytes(3, "big") + bytes(7) + body + bytes(4)
    peer = Peer().connect().publish()
    peer.say(Message(AGGREGATE, 1, 0, tag))
    assert peer.replay.events[-1] == AAC_TRACK


# Codecs.


def test_video_in_another_codec_ends_it_with_a_name_and_advice() -> None:
    peer = Peer().connect().publish()
    with pytest.raises(PeerError, match="VVC"):
        peer.send(VVC)
    assert (peer.last.level, peer.last.code) == ("error", "NetStream.Publish.Denied")
    assert "VVC video is not taken, only H.264, HEVC, AV1 and VP9: set OBS" in peer.last.description
    assert peer.replay.events[-1] == Warned(peer.last.description)
    assert peer.replay.session.state is State.CLOSED


def test_audio_in_another_codec_is_left_out_and_said_once() -> None:
    peer = Peer().connect().publish()
    peer.send(AVC_TRACK, SPEEX, SPEEX, AAC_TRACK)
    _, track, warning = peer.replay.events
    assert track == AVC_TRACK
    assert isinstance(warning, Warned)
    assert "Speex" in warning.text


def test_a_track_beside_the_main_one_is_named_once_and_no_error() -> None:
    peer = Peer().connect().publish()
    beside = Media(False, 0, b"\x95\0mp4a\1" + AAC_TRACK.config)
    peer.send(AVC_TRACK, AAC_TRACK, beside, beside)
    _, *tracks, warning = peer.replay.events
    assert tracks == [AVC_TRACK, AAC_TRACK]
    assert warning == Warned("audio track 1 (AAC) is not used: only the main track, number 0, plays")


def test_a_broken_configuration_is_said_once_and_a_whole_one_heals_it() -> None:
    peer = Peer().connect().publish()
    broken = replace(AVC_TRACK, config=b"\x01broken")
    peer.send(broken, broken, AVC_TRACK)
    _, warning, track = peer.replay.events
    assert isinstance(warning, Warned)
    assert "H.264 configuration" in warning.text
    assert track == AVC_TRACK


def test_a_broken_rule_is_told_to_who_broke_it() -> None:
    peer = Peer().connect().publish()
    with pytest.raises(PeerError) as caught:
        peer.replay.feed(b"\xc9")
    assert peer.last == Status("error", "NetConnection.Connect.Closed", str(caught.value))


# Ending, and again.


@pytest.mark.parametrize("name", ["FCUnpublish", "deleteStream", "closeStream"])
def test_each_way_to_stop(name: str) -> None:
    peer = Peer().connect().publish()
    peer.call(name, 6, None, 1)
    assert peer.replay.events[-1] == Unpublished()
    assert peer.last.code == "NetStream.Unpublish.Success"
    assert peer.answer_to(6).name == "_result"
    assert peer.replay.session.state is State.IDLE


def test_stopping_twice_is_stopping_once() -> None:
    peer = Peer().connect().publish()
    peer.call("FCUnpublish", 6, None, "key")
    peer.call("deleteStream", 0, None, 1)
    assert peer.replay.events.count(Unpublished()) == 1


def test_a_connection_can_publish_again_and_its_tracks_are_announced_again() -> None:
    peer = Peer().connect().publish()
    peer.send(AVC_TRACK, SPEEX)
    peer.call("deleteStream", 0, None, 1)
    peer.publish("second")
    peer.send(AVC_TRACK, AAC_TRACK)
    assert peer.replay.events[3:] == [
        Unpublished(),
        PublishAsked(Claim(SentKey("second")), "test host"),
        AVC_TRACK,
        AAC_TRACK,
    ]


@pytest.mark.parametrize("name", ["FCUnpublish", "deleteStream", "closeStream"])
def test_stopping_before_publishing_does_nothing(name: str) -> None:
    peer = Peer().connect()
    peer.call(name, 6, None, 1)
    peer.publish()
    assert peer.replay.events == [PublishAsked(Claim(SentKey("key")), "test host")]


def test_the_server_ends_it() -> None:
    peer = Peer().connect().publish()
    peer.replay.session.close("a newer publisher takes over")
    peer.replay.feed(b"")
    peer.replay.sent += peer.replay.session.data_to_send()
    assert peer.last == Status("error", "NetConnection.Connect.Closed", "a newer publisher takes over")
    assert peer.replay.feed(b"\xff") == peer.replay.events, "nothing is read any more"


def test_before_the_handshake_is_done_there_is_nothing_to_say() -> None:
    session = ServerSession()
    session.close("too slow")
    assert session.data_to_send() == b""


# Other commands and control.


def test_play_is_sent_to_the_web() -> None:
    peer = Peer().connect()
    with pytest.raises(PeerError, match="play"):
        peer.call("play", 4, None, "key")
    assert (peer.last.level, peer.last.code) == ("error", "NetStream.Play.Failed")
    assert "web link" in peer.last.description


def test_an_unknown_command_is_refused_by_name() -> None:
    peer = Peer().connect()
    peer.call("dance", 7, None)
    assert peer.answer_to(7).name == "_error"
    assert peer.answer_to(7).arguments[1] == {
        "level": "error",
        "code": "NetConnection.Call.Failed",
        "description": "dance is not known here",
    }


@pytest.mark.parametrize(("name", "transaction"), [("dance", 0), ("_result", 5), ("_error", 5)])
def test_what_wants_no_answer_gets_none(name: str, transaction: float) -> None:
    peer = Peer().connect()
    before = len(peer.replay.answers)
    peer.call(name, transaction, None)
    assert len(peer.replay.answers) == before


@pytest.mark.parametrize("name", ["_checkbw", "getStreamLength", "releaseStream", "FCPublish", "FCSubscribe"])
def test_formalities_are_answered(name: str) -> None:
    peer = Peer().connect()
    peer.call(name, 9, None, "x")
    assert peer.answer_to(9).name == "_result"


def test_a_ping_is_answered() -> None:
    peer = Peer().connect()
    peer.say(UserControl(messages.PING_REQUEST, 0xABCD).message())
    peer.say(UserControl(31, 0).message())
    assert peer.replay.answers[-1] == UserControl(messages.PING_RESPONSE, 0xABCD)


def test_bytes_are_acknowledged_every_window() -> None:
    peer = Peer().connect().publish()
    peer.say(WindowAckSize(1000).message())
    before = len(peer.replay.answers)
    for _ in range(10):
        peer.send(Media(False, 0, bytes(300)))
    received = [answer for answer in peer.replay.answers[before:] if isinstance(answer, messages.Acknowledgement)]
    assert 2 <= len(received) <= 4
    assert all(1000 <= b.received - a.received < 1400 for a, b in pairwise(received))


def test_bytes_are_counted_past_4_gib() -> None:
    """The number wraps; what is due does not."""
    peer = Peer().connect().publish()
    session = peer.replay.session
    session._received = session._acknowledged = (1 << 32) - 1000
    peer.say(WindowAckSize(2000).message())
    for _ in range(8):
        peer.send(Media(False, 0, bytes(500)))
    received = [answer.received for answer in peer.replay.answers if isinstance(answer, messages.Acknowledgement)]
    assert [1000 <= number < 2600 for number in received[:1]] == [True]
    assert 2000 <= received[1] - received[0] < 2600


def test_a_window_of_nothing_is_one_byte() -> None:
    peer = Peer().connect()
    peer.say(WindowAckSize(0).message())
    assert isinstance(peer.replay.answers[-1], messages.Acknowledgement)


def test_peer_bandwidth_is_answered_with_the_window() -> None:
    peer = Peer().connect()
    for size in (2_500_000, 5000, 5000, 6000):
        peer.say(messages.SetPeerBandwidth(size).message())
    assert peer.replay.answers[3:] == [WindowAckSize(5000), WindowAckSize(6000)], "where it is another one"


# Limits, and misuse.


def test_a_stranger_may_not_send_much() -> None:
    peer = Peer(Limits(stranger_bytes=10_000)).connect()
    with pytest.raises(TooLargeError, match="more than 10000 bytes without a stream"):
        peer.send(*[Media(False, 0, bytes(1000))] * 10)
    assert peer.replay.session.state is State.CLOSED


def test_nor_begin_much() -> None:
    peer = Peer(Limits(stranger_bytes=10_000)).connect()
    with pytest.raises(TooLargeError, match="more than 10000 bytes without a stream"):
        peer.replay.feed(ChunkWriter().write(Message(9, 1, 0, bytes(20_000)), 4)[:11_000])


def test_nor_much_in_one_piece() -> None:
    """A command that would ask to publish comes after it, and is not heard."""
    peer = Peer(Limits(stranger_bytes=10_000)).connect()
    much = b"".join(peer.script.media(Media(False, 0, bytes(1000))) for _ in range(11))
    with pytest.raises(TooLargeError):
        peer.replay.feed(much + peer.script.command("publish", 3, None, "key"))
    assert peer.replay.events == []


def test_who_does_not_wait_for_an_answer_is_no_stranger_by_it() -> None:
    replay = Replay(Limits(stranger_bytes=10_000))
    replay.feed(dialogue("key", AVC_TRACK, *[Media(True, 0, b"\x27\1\0\0\0" + bytes(5000))] * 5))
    assert len(replay.events) == 7


def test_a_stranger_may_not_send_many_messages() -> None:
    """Of all bytes those of small ones cost most."""
    peer = Peer(Limits(stranger_messages=12)).connect().publish()
    peer.send(*[Media(False, 0, b"x")] * 20)
    peer.call("FCUnpublish", 0, None, "key")
    peer.send(*[Media(False, 0, b"x")] * 12)
    with pytest.raises(TooLargeError, match="too many messages without a stream"):
        peer.send(Media(False, 0, b"x"))
    assert peer.replay.session.state is State.CLOSED


def test_a_publisher_may_and_is_a_stranger_again_when_it_has_stopped() -> None:
    peer = Peer(Limits(stranger_bytes=10_000)).connect().publish()
    peer.send(*[Media(False, 0, bytes(1000))] * 20)
    peer.call("FCUnpublish", 6, None, "key")
    peer.send(*[Media(False, 0, bytes(1000))] * 5)
    with pytest.raises(TooLargeError):
        peer.send(*[Media(False, 0, bytes(1000))] * 10)


def test_a_strangers_messages_are_small() -> None:
    peer = Peer(Limits(message=500)).connect()
    with pytest.raises(TooLargeError, match="501"):
        peer.send(Media(True, 0, bytes(501)))


def test_a_publishers_media_may_be_large() -> None:
    peer = Peer(Limits(message=500)).connect().publish()
    peer.send(AVC_TRACK, Media(True, 0, b"\x17\1\0\0\0" + bytes(1000)))
    assert isinstance(peer.replay.events[-1], Packet)


def test_nesting_is_bounded_by_the_limits() -> None:
    peer = Peer(Limits(amf_depth=2)).connect()
    with pytest.raises(PeerError, match="deep"):
        peer.call("x", 1, [[[None]]])


def test_after_an_error_nothing_is_read() -> None:
    peer = Peer().connect()
    with pytest.raises(MessageError):
        peer.say(Message(messages.COMMAND, 0, 0, b""))
    assert peer.replay.feed(b"more") == []


def test_a_publisher_has_to_be_answered() -> None:
    session = ServerSession()
    with pytest.raises(LocalError, match="neither"):
        list(session.receive_data(dialogue("key")))


def test_answers_without_a_question_are_bugs_of_ours() -> None:
    session = ServerSession()
    with pytest.raises(LocalError, match="HANDSHAKE"):
        session.accept()
    with pytest.raises(LocalError, match="HANDSHAKE"):
        session.refuse("no")


def test_media_kinds_are_told_apart() -> None:
    peer = Peer().connect().publish()
    peer.send(AAC_TRACK, AVC_TRACK)
    assert [event.kind for event in peer.replay.events if isinstance(event, Track)] == [Kind.AUDIO, Kind.VIDEO]
