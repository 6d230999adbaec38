"""Reads AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). No I/O."""

from transcode.cmaf.config import AudioConfig, Bits, CodecError

# ISO/IEC 14496-3, table 1.18: samplingFrequencyIndex to Hz; table 1.19: channelConfiguration to channels.
_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}
_UNTOLD = 2
OWN_LAYOUT = 0
"""The channelConfiguration of sound whose layout a program_config_element tells."""
_EXPLICIT_RATE = 15
_AAC_LC, _SBR, _PS = 2, 5, 29


def parse_aac(record: bytes) -> AudioConfig:
    """Read an AudioSpecificConfig. A channel layout that only the stream tells counts as stereo.

    Raises CodecError.
    """
    bits = Bits(record)
    object_type = _audio_object_type(bits)
    rate = _sample_rate(bits)
    configuration = bits.u(4)
    channels = _CHANNELS.get(configuration, _UNTOLD)
    signalled = object_type
    if object_type in (_SBR, _PS):
        _sample_rate(bits)  # the rate after spectral band replication; frames are counted before it
        object_type = _audio_object_type(bits)
        if signalled == _PS:
            channels = 2
    if object_type not in (1, _AAC_LC, 3, 4):
        raise CodecError(f"AAC object type {object_type} is not taken: use AAC-LC")
    frame_length = 960 if bits.u(1) else 1024
    if configuration == OWN_LAYOUT:
        channels = _channels_of_own_layout(bits)
    return AudioConfig(f"mp4a.40.{signalled}", rate, channels, frame_length)


def channel_configuration(record: bytes) -> int:
    """Return the channelConfiguration of an AudioSpecificConfig. Raises CodecError."""
    bits = Bits(record)
    _audio_object_type(bits)
    _sample_rate(bits)
    return bits.u(4)


def _channels_of_own_layout(bits: Bits) -> int:
    """Read the rest of GASpecificConfig (4.4.1), where a program_config_element (4.4.1.1) may stand."""
    try:
        if bits.u(1):  # dependsOnCoreCoder
            bits.u(14)
        bits.u(1 + 4 + 2 + 4)  # extensionFlag; instance tag, object type, sampling frequency
        elements = bits.u(4) + bits.u(4) + bits.u(4)  # in front, at the sides, at the back
        subwoofers = bits.u(2)
        bits.u(3 + 4)  # data and coupling elements
        for length in (4, 4, 3):  # how to mix it down
            if bits.u(1):
                bits.u(length)
        pairs = sum(bits.u(5) >> 4 for _ in range(elements))
    except CodecError:
        return _UNTOLD
    return elements + pairs + subwoofers or _UNTOLD


def _audio_object_type(bits: Bits) -> int:
    value = bits.u(5)
    return 32 + bits.u(6) if value == 31 else value


def _sample_rate(bits: Bits) -> int:
    index = bits.u(4)
    if index == _EXPLICIT_RATE:
        rate = bits.u(24)
    elif index < len(_SAMPLE_RATES):
        rate = _SAMPLE_RATES[index]
    else:
        raise CodecError(f"AAC sampling frequency index {index} is reserved")
    if not _SAMPLE_RATES[-1] <= rate <= _SAMPLE_RATES[0]:
        raise CodecError(f"the AAC sample rate cannot be {rate} Hz")
    return rate
