"""The checker: all that players of one broadcast were told and got, held to all rules. Pure.

``tests/support/hls/follower.py`` feeds it with what a live room says. Media is judged at the end.
"""

from collections.abc import Mapping

from tests.support.hls import rules
from tests.support.hls.account import Account
from tests.support.hls.findings import Findings, Place
from tests.support.hls.history import History
from tests.support.hls.media import Media, Seen, judge_media
from tests.support.hls.multivariant import Multivariant, check_multivariant, read_multivariant, rendition_of
from tests.support.hls.pictures import check_bandwidth, check_codecs, check_picture, decoded_sizes, peak
from tests.support.hls.renditions import Comparison
from tests.support.hls.sheet import SOUND_FRAME
from tests.support.hls.told import Told

_EXACT = 0.001


class Checker:
    """Judges the broadcast ``name``."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.findings = Findings()
        self.place = Place(self.findings, name or "broadcast")
        self.histories: dict[str, History] = {}
        self.media: dict[str, Media] = {}
        self.master: Multivariant | None = None
        self._master_at = 0.0
        self._comparison = Comparison(self.histories)

    def take_master(self, told: Told) -> Multivariant:
        """The multivariant playlist of this broadcast came."""
        self.master, self._master_at = read_multivariant(told.text), told.asked_at
        check_multivariant(self.master, self.place)
        for uri in self.master.uris:
            self.history(rendition_of(uri))
        return self.master

    def history(self, rendition: str) -> History:
        """What is known of a rendition; from here on it is one of this broadcast."""
        if rendition not in self.histories:
            self.histories[rendition] = History(Place(self.findings, f"{self.name}/{rendition}"))
            self.media[rendition] = Media()
        return self.histories[rendition]

    def take(self, rendition: str, told: Told) -> History:
        """A media playlist came."""
        history = self.history(rendition)
        self._comparison.take(rendition, told)
        return history

    def account(self, since: float, until: float) -> Account:
        """Sum up what happened from the moment ``since`` on: the worst of all renditions."""
        total = Account()
        for history in list(self.histories.values()):
            total = total.worst(history.account(since, until))
        return total

    def finish(self) -> None:
        """All has come: judge what can be judged only now."""
        self._comparison.finish(self._frame)
        segments = {name: judge_media(self.media[name], history) for name, history in self.histories.items()}
        sizes = {name: self._decode(name, seen) for name, seen in segments.items()}
        if self.master is None:
            return
        for variant in self.master.variants:
            names = [name for name in (variant.rendition, self.master.sound_of(variant)) if name in self.histories]
            known = [name for name in names if name is not None]
            check_bandwidth(variant, [self._peak(name) for name in known], self.place)
            tracks = [before[-1].track.codecs for name in known if (before := self._before(name, segments[name]))]
            if len(tracks) == len(variant.codecs):
                check_codecs(variant, tracks, self.place)
            seen = segments.get(variant.rendition, [])
            if seen and seen[0].track.picture:
                check_picture(self.master, variant, seen, sizes[variant.rendition], self.place)
                sound = segments.get(self.master.sound_of(variant) or "", [])
                self._together(variant.rendition, seen, {each.entry.number: each for each in sound})

    @property
    def _frame(self) -> float:
        """How long the longest frame is, of picture or sound: tracks are cut at their own."""
        rates = [variant.number("FRAME-RATE") for variant in self.master.variants] if self.master is not None else []
        return max([SOUND_FRAME, *(1 / rate for rate in rates if rate)]) + _EXACT

    def _before(self, name: str, segments: list[Seen]) -> list[Seen]:
        """What had been listed when the multivariant playlist was asked for."""
        listed = self.histories[name].segments
        return [seen for seen in segments if listed[seen.entry.number].seen < self._master_at]

    def _decode(self, name: str, segments: list[Seen]) -> set[tuple[int, int]]:
        """Decode what is first and last of each init segment."""
        chosen: dict[str | None, list[Seen]] = {}
        for seen in segments:
            if seen.key:
                chosen[seen.entry.init] = [*chosen.get(seen.entry.init, [])[:1], seen]
        place = self.histories[name].place
        return {size for each in chosen.values() for size in decoded_sizes(self.media[name], each, place)}

    def _peak(self, name: str) -> float:
        """The peak bit rate of what was listed when the multivariant playlist was asked for."""
        history, media = self.histories[name], self.media[name]
        if history.newest is None or history.newest.target is None:
            return 0.0
        listed = [
            (entry.seconds, len(media.segments[entry.number]))
            for entry in history.newest.whole
            if entry.number in media.segments and history.segments[entry.number].seen < self._master_at
        ]
        return peak(listed, history.newest.target)

    def _together(self, name: str, pictures: list[Seen], sounds: Mapping[int, Seen]) -> None:
        for seen in pictures:
            sound = sounds.get(seen.entry.number)
            if sound is not None:
                off = sound.shown - seen.shown
                text = f"segment {seen.entry.number}: sound {off * 1000:+.1f} ms from the picture"
                self.histories[name].place.hold(rules.TOGETHER, abs(off) <= self._frame, text)
