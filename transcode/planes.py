"""Frames of PyAV as numpy arrays, for filters and effects: views, and copies that may be changed."""

import av
import numpy as np

from filters import Planes
from transcode.conversion import FORMAT, tagged


def planes_of(frame: av.VideoFrame) -> Planes:
    """Return the planes of a yuv420p frame as views. Others may read the frame: see ``copy_of``."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
    return Planes(y, u, v)


def copy_of(frame: av.VideoFrame) -> tuple[av.VideoFrame, Planes]:
    """Return a frame of its own with the pixels of ``frame``, and its planes, which may be changed."""
    copy = av.VideoFrame(frame.width, frame.height, FORMAT)
    planes = planes_of(copy)
    for target, source in zip(planes, planes_of(frame), strict=True):
        np.copyto(target, source)
    return tagged(copy), planes


def frame_of(planes: Planes) -> av.VideoFrame:
    """Return a new frame of ``planes``."""
    height, width = planes.y.shape
    frame = av.VideoFrame(width, height, FORMAT)
    for target, source in zip(planes_of(frame), planes, strict=True):
        np.copyto(target, source)
    return tagged(frame)
