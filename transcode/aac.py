"""Encodes blocks of sound as AAC-LC (ISO/IEC 14496-3). Threads: one caller.

A unit, a raw AAC frame, is named by the block that sounds when a player decodes it after the unit before it, so
nothing has to be shifted afterwards.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import Flags

from transcode.cmaf.packer import Unit
from transcode.grid import BLOCK, RATE
from transcode.soundtrack import Block

PRIMING = 8
"""Blocks that an encoder must hear before block k, so that its unit k can follow another encoder's unit k - 1.

A decoder overlaps the two, so both encoders must have chosen the same windows; that choice remembers a few blocks.
Where the sound itself begins, or is not there any more, fewer do.
"""

# The default coder, "twoloop", makes steady tones warble (noise 11 dB below them where "fast" has 71, at 128 kbit/s),
# and takes up to twice the time. Intensity stereo gives up phase for bits that are not short here.
OPTIONS = {"aac_coder": "fast", "aac_is": "0"}
"""libavcodec's, of the encoder."""
_TIME_BASE = Fraction(1, RATE)
_LAYOUTS = {1: "mono", 2: "stereo"}


class AacEncoder:
    """Encodes consecutive blocks of ``channels`` (1 or 2) channels at ``bit_rate`` (bit/s).

    The first block fed is b: units b - 1 and b come out too, but only those from b + PRIMING on are to be used, unless
    b is where the sound begins. Unit k comes out when block k + 1 is fed, or on ``flush``.
    """

    def __init__(self, channels: int, bit_rate: int) -> None:
        context = av.CodecContext.create("aac", "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = RATE
        context.layout = _LAYOUTS[channels]
        context.format = "fltp"
        context.bit_rate = bit_rate
        context.time_base = _TIME_BASE
        context.flags |= Flags.global_header
        context.options = dict(OPTIONS)
        context.open()
        assert context.extradata is not None
        self.config = bytes(context.extradata)
        """The AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)."""
        self._context = context
        self._next: int | None = None

    def encode(self, block: Block) -> Iterator[Unit]:
        """Yield the units that ``block`` completes. Raises ValueError if it does not follow the block before."""
        if self._next is not None and block.number != self._next:
            raise ValueError(f"block {block.number} where {self._next} was due: feed them in order and leave none out")
        self._next = block.number + 1
        block.frame.pts = block.number * BLOCK
        block.frame.time_base = _TIME_BASE
        block.frame.sample_rate = RATE
        yield from self._units(block.frame)

    def flush(self) -> Iterator[Unit]:
        """Yield what is still inside; nothing can be encoded after that."""
        yield from self._units(None)

    def _units(self, frame: av.AudioFrame | None) -> Iterator[Unit]:
        if self._next is None:
            return
        for packet in self._context.encode(frame):
            assert packet.pts is not None
            # The encoder's stamps already allow for its delay: the first is one block before the first block.
            yield Unit(packet.pts // BLOCK, True, memoryview(packet))
