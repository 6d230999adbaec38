"""Reads AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). No I/O."""

from transcode.cmaf.config import AudioConfig, Bits, CodecError

# ISO/IEC 14496-3, table 1.18: samplingFrequencyIndex to Hz; table 1.19: channelConfiguration to channels.
_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}
_EXPLICIT_RATE = 15
_AAC_LC, _SBR, _PS = 2, 5, 29


def parse_aac(record: bytes) -> AudioConfig:
    """Read an AudioSpecificConfig. A channel layout that only the stream tells (0) counts as stereo.

    Raises CodecError.
    """
    bits = Bits(record)
    object_type = _audio_object_type(bits)
    rate = _sample_rate(bits)
    channels = _CHANNELS.get(bits.u(4), 2)
    signalled = object_type
    if object_type in (_SBR, _PS):
        _sample_rate(bits)  # the rate after spectral band replication; frames are counted before it
        object_type = _audio_object_type(bits)
        if signalled == _PS:
            channels = 2
    if object_type not in (1, _AAC_LC, 3, 4):
        raise CodecError(f"AAC object type {object_type} is not taken: use AAC-LC")
    frame_length = 960 if bits.u(1) else 1024
    return AudioConfig(f"mp4a.40.{signalled}", rate, channels, frame_length)


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
