"""Turns dark into light: the smallest filter there is.

veilcast room start demo --filter ./samples/filters/invert.py:invert
"""
# ruff: noqa: ANN001, ANN201 - types are for those who like them

from filters import video_filter


@video_filter
def invert(image, t):
    """Turn dark into light."""
    return 255 - image
