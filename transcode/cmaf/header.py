"""The CMAF header of a rendition, with what players are told of it. Pure, no I/O."""

import zlib

from ingest.media import Kind, Track
from transcode.cmaf import boxes
from transcode.cmaf.codecs import parse_audio, parse_video
from transcode.media import AudioFormat, Init, VideoFormat


def header(rendition: str, track: Track, timescale: int, frame_rate: float = 0) -> Init:
    """Return the init segment of ``track``; ``frame_rate`` (Hz) is told of a picture.

    It is named by its content, so that a name stands for the same bytes even across server restarts. Raises CodecError.
    """
    made: VideoFormat | AudioFormat
    if track.kind is Kind.VIDEO:
        picture = parse_video(track)
        data = boxes.video_init(track, picture, timescale)
        made = VideoFormat(picture.codecs, picture.display_width, picture.height, round(frame_rate, 3))
    else:
        sound = parse_audio(track)
        data = boxes.audio_init(track, sound)
        made = AudioFormat(sound.codecs, sound.sample_rate, sound.channels)
    return Init(rendition, f"{zlib.crc32(data):08x}", data, made)
