"""What is done to a room's pictures and sound between decoding and encoding: the place where filters act."""

from typing import Protocol

import av

from transcode.soundtrack import Block


class Effect(Protocol):
    """One effect in a room's chain; each gets what the one before gave."""

    def picture(self, frame: av.VideoFrame, pts: int) -> av.VideoFrame:
        """Return what is shown at ``pts`` (ticks): ``frame``, which is yuv420p in BT.709, or another of its size.

        The frame is shared with others: change a copy.
        """
        ...

    def sound(self, block: Block) -> Block:
        """Return what is heard in place of ``block``."""
        ...
