"""Encodes what goes out while no worker lives: for each rendition a slate, or silence, that fits its init segment.

It costs a few frames; the caller takes rendition after rendition, whenever there is nothing else to do.
"""

from collections.abc import Iterator
from itertools import islice

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from ingest.media import Codec, Kind, Track
from transcode.aac import PRIMING, AacEncoder
from transcode.cmaf.header import header
from transcode.encode import open_encoder
from transcode.grid import BLOCK, RATE, rung_grid
from transcode.media import AUDIO, Plan, Rung
from transcode.soundtrack import block_of
from transcode.wire import StandIn

FRAMES = 15
"""From one keyframe of a slate to the next."""


def stand_ins(plan: Plan, picture: av.VideoFrame | None) -> Iterator[StandIn]:
    """Yield what stands in for the renditions of ``plan`` that are encoded; ``picture`` is as the best rung has it."""
    if plan.sound is not None and plan.sound.transcoded:
        yield _silence(plan.sound.channels, plan.sound.bit_rate)
    if picture is not None:
        for rung in plan.encoded:
            yield _slate(plan, rung, picture)


def _slate(plan: Plan, rung: Rung, picture: av.VideoFrame) -> StandIn:
    frame = VideoReformatter().reformat(
        picture, rung.width, rung.height, format="yuv420p", interpolation=Interpolation.BICUBIC, threads=1
    )
    if frame is picture:  # which others stamp
        frame = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
    encoder = open_encoder(rung, plan.frame_rate, plan.preset, threads=1)  # each would take memory
    units = [unit for number in range(FRAMES) for unit in encoder.encode(frame, number, number == 0)]
    units += encoder.flush()
    timescale = rung_grid(plan.frame_rate, rung.every).timescale
    init = header(rung.name, encoder.track, timescale, float(plan.frame_rate) / rung.every)
    return StandIn(rung.name, init.name, tuple(bytes(unit.data) for unit in units))


def _silence(channels: int, bit_rate: int) -> StandIn:
    encoder = AacEncoder(channels, bit_rate)
    silence = np.zeros((channels, BLOCK), np.float32)
    units = (unit for number in range(2 * PRIMING) for unit in encoder.encode(block_of(number, silence)))
    settled = next(islice(units, PRIMING, None))
    init = header(AUDIO, Track(Kind.AUDIO, Codec.AAC, encoder.config), RATE)
    return StandIn(AUDIO, init.name, (bytes(settled.data),))
