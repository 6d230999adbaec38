"""A host of Enhanced RTMP: ``python -m tests.support.codec_host URL PICTURE SOUND SECONDS``, FFmpeg's own FLV muxer and
RTMP client within PyAV, in real time. PICTURE and SOUND are codecs of ``codecs``; ``-`` is none."""

import sys
import time
from pathlib import Path

import av

from tests.support.codecs import encoded
from tests.support.processes import Child


def publish_codecs(url: str, log: Path, picture: str, sound: str, seconds: int = 60) -> Child:
    """Publish a stream in these codecs, as a program of its own."""
    return Child((sys.executable, "-m", "tests.support.codec_host", url, picture, sound, str(seconds)), log)


def main(url: str, picture: str, sound: str, seconds: str) -> None:
    """Publish."""
    with av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as out:
        packets = encoded(out, picture.strip("-"), sound.strip("-"), float(seconds))
        began = time.monotonic()
        for packet in packets:
            due = began + float((packet.dts or 0) * packet.time_base)
            time.sleep(max(0, due - time.monotonic()))
            out.mux(packet)


if __name__ == "__main__":
    main(*sys.argv[1:])
