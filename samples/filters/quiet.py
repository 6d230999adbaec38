"""Makes the sound softer: a filter for sound, with an option.

veilcast room start demo --filter ./samples/filters/quiet.py:quiet
veilcast room start demo --filter ./samples/filters/quiet.py:quiet:level=0.25
"""
# ruff: noqa: ANN001, ANN201 - only options need types: texts are turned into them

from filters import audio_filter


@audio_filter
def quiet(samples, t, *, level: float = 0.5):
    """Make the sound softer.

    level: 1 leaves it as it is, 0 is silence.
    """
    samples *= level  # float32, (channels, samples); may be changed in place
    return samples
