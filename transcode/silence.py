"""Writes AAC frames that are silent and fit a host's own sound: no encoder is needed for nothing. Pure, no I/O.

Source: ISO/IEC 14496-3, 4.4.2 (syntax), 4.5.1.2.1 and table 1.19 (channel configurations). A decoder overlaps a frame
with the one before, so what sounded last fades out within it.
"""

from transcode.cmaf.codecs import parse_aac

_SINGLE, _PAIR, _LFE, _END = 0, 1, 3, 7  # id_syn_ele
_ELEMENTS = {
    1: (_SINGLE,),
    2: (_PAIR,),
    3: (_SINGLE, _PAIR),
    4: (_SINGLE, _PAIR, _SINGLE),
    5: (_SINGLE, _PAIR, _PAIR),
    6: (_SINGLE, _PAIR, _PAIR, _LFE),
    8: (_SINGLE, _PAIR, _PAIR, _PAIR, _LFE),
}
_PARAMETRIC_STEREO = "mp4a.40.29"  # its core, which is what is written here, has one channel
_GAIN = (100, 8)  # global_gain; of no bands at all it says nothing
_ONE_LONG_WINDOW = (0, 11)  # ics_info: reserved, ONLY_LONG_SEQUENCE, sine window, max_sfb 0, no predictor
_NO_TOOLS = (0, 3)  # pulse_data, tns_data and gain_control_data are absent


def silent_frame(record: bytes) -> bytes:
    """Return a frame of silence for the AudioSpecificConfig ``record``. Raises CodecError."""
    aac = parse_aac(record)
    bits = _Bits()
    tags: dict[int, int] = {}
    for element in _ELEMENTS[1 if aac.codecs == _PARAMETRIC_STEREO else aac.channels]:
        bits.put(element, 3)
        bits.put(tags.get(element, 0), 4)
        tags[element] = tags.get(element, 0) + 1
        if element == _PAIR:
            bits.put(1, 1)  # common_window
            bits.put(*_ONE_LONG_WINDOW)
            bits.put(0, 2)  # ms_mask_present
            for _ in range(2):
                bits.put(*_GAIN)
                bits.put(*_NO_TOOLS)
        else:
            bits.put(*_GAIN)
            bits.put(*_ONE_LONG_WINDOW)
            bits.put(*_NO_TOOLS)
    bits.put(_END, 3)
    return bits.bytes()


class _Bits:
    """Writes bits, most significant first."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Write ``value`` in ``count`` bits."""
        self._value = self._value << count | value
        self._count += count

    def bytes(self) -> bytes:
        """Return what was written; zeros fill the last byte."""
        spare = -self._count % 8
        return (self._value << spare).to_bytes((self._count + spare) // 8, "big")
