"""The dialogue: FMLE's, its variations, and every way out of it. No sockets."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ingest.media import Kind, Packet, Track
from ingest.rtmp import messages
from ingest.rtmp.chunks import AGGREGATE, ChunkWriter, Message
from ingest.rtmp.errors import LocalError, MessageError, PeerError, TooLargeError
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command, Media, UserControl, WindowAckSize
from ingest.rtmp.session import MetadataSet, PublishAsked, ServerSession, State, Unpublished, Warned
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
        [found] = [one for one in self.replay.commands if one.transaction == transaction and one.name != "onStatus"]
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
    assert peer.publish().replay.events == [PublishAsked("", "key", "")]


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
    assert peer.replay.events == [PublishAsked("live", "key", "test host")]
    assert UserControl(messages.STREAM_BEGIN, 1) in peer.replay.answers
    assert peer.last.code == "NetStream.Publish.Start"
    assert peer.replay.session.state is State.PUBLISHING


@pytest.mark.parametrize("kind", [(), ("live",), ("record",)])
def test_the_kind_of_publishing_may_be_missing(kind: tuple[str, ...]) -> None:
    assert Peer().connect().publish("key", *kind).last.code == "NetStream.Publish.Start"


@pytest.mark.parametrize("stream", [None, 5, ""])
def test_a_stream_without_a_name_is_asked_for_as_one(stream: object) -> None:
    assert Peer().connect().publish(stream).replay.events == [PublishAsked("live", "", "test host")]


def test_publish_without_arguments_or_stream() -> None:
    peer = Peer().connect()
    peer.call("publish", 5)
    assert peer.replay.events == [PublishAsked("live", "", "test host")]


def test_amf3_commands() -> None:
    peer = Peer().shake_hands()
    for command in (Command("connect", 1, ({"app": "live"},)), Command("publish", 2, (None, "key"))):
        amf0 = command.message().payload
        peer.say(Message(messages.COMMAND_AMF3, 0, 0, b"\0" + bytes(amf0)))
    assert peer.replay.events == [PublishAsked("live", "key", "")]


def test_a_refused_publisher_is_told_why() -> None:
    peer = Peer(refusal="this stream key is not known here").connect().publish()
    assert peer.last == Status("error", "NetStream.Publish.BadName", "this stream key is not known here")
    assert peer.replay.session.state is State.CLOSED


def test_what_comes_after_a_refusal_is_not_read() -> None:
    replay = Replay(refusal="no")
    replay.feed(dialogue("key", AVC_TRACK), b"whatever")
    assert replay.events == [PublishAsked("live", "key", "test host")]


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
        PublishAsked("live", "second", "test host"),
        AVC_TRACK,
        AAC_TRACK,
    ]


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


def test_a_window_of_nothing_is_one_byte() -> None:
    peer = Peer().connect()
    peer.say(WindowAckSize(0).message())
    assert isinstance(peer.replay.answers[-1], messages.Acknowledgement)


def test_peer_bandwidth_is_answered_with_the_window() -> None:
    peer = Peer().connect()
    peer.say(messages.SetPeerBandwidth(5000).message())
    assert peer.replay.answers[-1] == WindowAckSize(5000)


# Limits, and misuse.


def test_a_stranger_may_not_send_much() -> None:
    peer = Peer(Limits(stranger_bytes=10_000)).connect()
    many = b"".join(peer.script.command("_checkbw", 5, None) for _ in range(300))
    with pytest.raises(TooLargeError, match="without a stream"):
        peer.replay.feed(many)
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
