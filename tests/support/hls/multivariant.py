"""Reads multivariant playlists, and holds each to what it has to keep by itself. Pure."""

from dataclasses import dataclass
from urllib.parse import urljoin

from tests.support.hls import rules
from tests.support.hls.findings import Place
from tests.support.hls.reader import attributes

_KNOWN = {"EXTM3U", "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-MEDIA", "EXT-X-STREAM-INF"}


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant: its playlist's ``uri``, and the attributes of its EXT-X-STREAM-INF."""

    uri: str
    said: dict[str, str]

    @property
    def rendition(self) -> str:
        return rendition_of(self.uri)

    @property
    def codecs(self) -> list[str]:
        return self.said.get("CODECS", "").split(",")

    def number(self, name: str) -> float | None:
        return float(self.said[name]) if name in self.said else None


@dataclass(frozen=True, slots=True)
class Group:
    """A rendition of EXT-X-MEDIA: the attributes."""

    said: dict[str, str]

    @property
    def uri(self) -> str:
        return self.said.get("URI", "")


@dataclass(frozen=True, slots=True)
class Multivariant:
    """A multivariant playlist."""

    variants: tuple[Variant, ...]
    groups: tuple[Group, ...]
    independent: bool
    problems: tuple[str, ...]

    @property
    def uris(self) -> list[str]:
        """All playlists that are named, the pictures first."""
        return [*(each.uri for each in self.variants), *(each.uri for each in self.groups if each.uri)]

    @property
    def broadcast(self) -> str:
        """The folder of its playlists."""
        path = self.uris[0].partition("?")[0] if self.uris else ""
        return path.split("/")[-2] if "/" in path else ""

    def sound_of(self, variant: Variant) -> str | None:
        """The rendition that is the sound of ``variant``."""
        for group in self.groups:
            if group.said.get("GROUP-ID") == variant.said.get("AUDIO"):
                return rendition_of(group.uri)
        return None


def rendition_of(uri: str) -> str:
    """The name of the rendition whose media playlist is ``uri``."""
    return uri.partition("?")[0].rpartition("/")[2].removesuffix(".m3u8")


def asking(url: str, *directives: str) -> str:
    """``url`` with directives in its query, beside what is there."""
    return url + ("&" if "?" in url else "?") + "&".join(directives) if directives else url


def urls_of(master_url: str, master: Multivariant) -> dict[str, str]:
    """The addresses of the media playlists, by rendition."""
    return {rendition_of(uri): urljoin(master_url, uri) for uri in master.uris}


def read_multivariant(text: str) -> Multivariant:
    """Read a multivariant playlist; what is wrong with its text is in ``problems``."""
    variants, groups, problems = [], [], []
    independent, pending = False, None
    for line in text.splitlines():
        name, _, rest = line[1:].partition(":")
        if not line.startswith("#"):
            if pending is None:
                problems.append(f"{line!r} has no EXT-X-STREAM-INF")
            else:
                variants.append(Variant(line, pending))
            pending = None
            continue
        if name not in _KNOWN:
            problems.append(f"nobody knows the tag {name}")
        independent |= name == "EXT-X-INDEPENDENT-SEGMENTS"
        if name in ("EXT-X-MEDIA", "EXT-X-STREAM-INF"):
            said = attributes(rest)
            needed = {"TYPE", "GROUP-ID", "NAME"} if name == "EXT-X-MEDIA" else {"BANDWIDTH"}
            if said is None or not needed <= said.keys():
                problems.append(f"the attributes of {name} are not legal: {rest}")
            elif name == "EXT-X-MEDIA":
                groups.append(Group(said))
            else:
                pending = said
    if not text.startswith("#EXTM3U\n"):
        problems.append(f"it begins with {text[:20]!r}")
    if not variants:
        problems.append("it has no variant")
    return Multivariant(tuple(variants), tuple(groups), independent, tuple(problems))


def check_multivariant(master: Multivariant, place: Place) -> None:
    """Hold ``master`` to the rules that need nothing else."""
    for problem in master.problems:
        place.hold(rules.MASTER_GRAMMAR, False, problem)
    scores = [variant.said.get("SCORE") for variant in master.variants]
    place.hold(rules.SCORE, all(scores) or not any(scores), f"the scores are {scores}")
    groups = {(group.said.get("TYPE"), group.said.get("GROUP-ID")) for group in master.groups}
    for variant in master.variants:
        group = variant.said.get("AUDIO")
        place.hold(rules.AUDIO_GROUP, group is None or ("AUDIO", group) in groups, f"{variant.uri} has {group}")
        peak, average = variant.number("BANDWIDTH") or 0.0, variant.number("AVERAGE-BANDWIDTH") or 0.0
        place.hold(rules.AVERAGE, average <= peak, f"{variant.uri}: {average:.0f}, peak {peak:.0f}")
