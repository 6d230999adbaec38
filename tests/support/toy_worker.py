"""A worker without codecs, for tests of the process that keeps one: ``python toy_worker.py OPTIONS FD``.

It makes one rendition, "720p": each picture is a part of its own, whose bytes are its decode time. It reports the
entries it was given as frames repeated. What it is told to
do wrong it does after so many entries, once if ``--once`` names a file that does not exist yet.
"""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path

from ingest.media import Kind
from transcode.media import (
    TIMELINE,
    Aired,
    Cut,
    End,
    Init,
    Part,
    RoomItem,
    SegmentEnd,
    SegmentStart,
    TimedPacket,
    VideoFormat,
)
from transcode.wire import VERSION, Ack, Done, Entry, Hello, Message, Ping, Pong, Setup, Unpacker, pack

NAME = "720p"
FRAME = TIMELINE // 10
"""What every picture lasts."""
POISON = b"no worker lives through this"


class Toy:
    def __init__(self, options: argparse.Namespace, connection: socket.socket) -> None:
        self.options = options
        self.socket = connection
        self.entries = 0
        self.cuts: list[Cut] = []
        self.before: Aired | None = None
        self.segment: SegmentStart | None = None
        self.index = 0
        self.end = 0

    def send(self, message: Message) -> None:
        self.socket.sendall(pack(message))

    def run(self) -> None:
        self.send(Hello(self.options.version))
        unpacker = Unpacker()
        while data := self.socket.recv(1 << 18):
            for message in unpacker.receive(data):
                match message:
                    case Setup(aired=aired):
                        self.go_on(aired)
                        self.send(Init(NAME, self.options.init, b"ftyp", VideoFormat("avc1", 1280, 720, 10.0)))
                    case Ping():
                        self.send(Pong(self.options.rss, 0.1, 1, self.entries))
                    case Entry(offset=offset, item=item):
                        self.entry(item)
                        if self.options.acks:
                            self.send(Ack(offset))
                        if isinstance(item, End):
                            if self.options.done:
                                self.send(Done())
                            return

    def go_on(self, aired: tuple[Aired, ...]) -> None:
        for state in aired:
            self.before, self.index, self.end = state, state.index, state.end
            if not state.whole:
                self.segment = SegmentStart(NAME, state.msn, state.start, TIMELINE, False)

    def entry(self, item: RoomItem) -> None:
        self.entries += 1
        if self.entries > self.options.after:
            self.misbehave()
        if isinstance(item, TimedPacket) and item.data == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        match item:
            case Cut(msn=msn) if self.before is None or msn > self.before.msn:
                self.cuts.append(item)
            case TimedPacket(kind=Kind.VIDEO, dts=dts) if dts >= self.end:
                while self.cuts and dts >= self.cuts[0].pts:
                    self.begin(self.cuts.pop(0), dts)
                if self.segment is not None:
                    data = str(dts).encode()
                    self.send(Part(NAME, self.segment.msn, self.index, FRAME, item.keyframe, data))
                    self.index += 1
                    self.end = dts + FRAME
            case End():
                self.close()

    def begin(self, cut: Cut, at: int) -> None:
        self.close()
        self.segment = SegmentStart(NAME, cut.msn, at, TIMELINE, False)
        self.index = 0
        self.send(self.segment)

    def close(self) -> None:
        if self.segment is not None:
            self.send(SegmentEnd(NAME, self.segment.msn, self.end - self.segment.start))

    def misbehave(self) -> None:
        self.options.after = sys.maxsize
        if self.options.once is not None:
            if self.options.once.exists():
                return
            self.options.once.touch()
        match self.options.wrong:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                sys.exit(3)
            case "hang":
                while True:
                    time.sleep(60)
            case "close":
                self.socket.close()
                while True:
                    time.sleep(60)
            case "garbage":
                self.socket.sendall(b"not a message of this link")
            case "repeat":
                self.send(Part(NAME, 0, 0, FRAME, True, b"again"))
            case "done":
                self.send(Done())
            case "ping":
                self.send(Ping())
            case "grow":
                self.options.rss = 2 << 30


def main() -> None:
    parser = argparse.ArgumentParser()
    wrongs = ("nothing", "die", "exit", "hang", "close", "garbage", "repeat", "done", "ping", "grow")
    parser.add_argument("--wrong", choices=wrongs, default="nothing")
    parser.add_argument("--after", type=int, default=sys.maxsize)
    parser.add_argument("--once", type=Path)
    parser.add_argument("--version", type=int, default=VERSION)
    parser.add_argument("--init", default="init-1")
    parser.add_argument("--rss", type=int, default=1 << 20)
    parser.add_argument("--no-acks", dest="acks", action="store_false")
    parser.add_argument("--no-done", dest="done", action="store_false")
    parser.add_argument("fd", type=int)
    options = parser.parse_args()
    Toy(options, socket.socket(fileno=options.fd)).run()


if __name__ == "__main__":
    main()
