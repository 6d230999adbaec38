"""All planted faults: one for each rule, so that no rule is claimed which is not checked."""

from tests.support.hls.faults.answers import ANSWERS
from tests.support.hls.faults.broadcasts import BROADCASTS
from tests.support.hls.faults.media import MEDIA
from tests.support.hls.faults.planting import Fault
from tests.support.hls.faults.playlists import PLAYLISTS

FAULTS: tuple[Fault, ...] = (*PLAYLISTS, *BROADCASTS, *MEDIA, *ANSWERS)
