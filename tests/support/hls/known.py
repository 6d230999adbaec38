"""Rules that the server is known to break where something happens, and how: followers of live rooms tell them apart."""

from tests.support.hls import rules

KNOWN_OF_PASSED_ON: dict[str, str] = {
    rules.HINT_AT_END.name: (
        "a segment ends with the host's next keyframe, which nobody knows of before it comes, a frame later than the"
        " last part: in between a part is hinted at that never comes, and who asks for it is answered with 404"
    ),
}
"""Where the host's own picture or sound is passed on."""

KNOWN_OF_TAKEOVERS: dict[str, str] = {
    rules.PART_SHORTEST.name: (
        "a host's last picture stands until its successor's first: where that does not fit into its part any more the"
        " part is closed before it, however short, and one more follows in the same segment"
    ),
    **dict.fromkeys(
        (rules.PARTS_SUM.name, rules.SEGMENT_LENGTH.name, rules.CONTINUOUS.name),
        "of the host's own sound two or three frames are missing between it and its successor, which nothing tells of",
    ),
}
"""Where one host takes over from another in a room that passes on the host's own picture."""

KNOWN_OF_RESTARTS: dict[str, str] = {
    **KNOWN_OF_TAKEOVERS,
    **dict.fromkeys(
        (rules.PARTS_SUM.name, rules.SEGMENT_LENGTH.name, rules.CONTINUOUS.name),
        "where a host is back before the slate would come there is a hole of that length, which nothing tells of",
    ),
    rules.CODECS.name: "one CODECS is told of a rendition, the newest: what came before it may need another level",
}
"""Where a host in such a room stops, and starts again at once with a picture of another size."""

KNOWN_OF_STAND_INS: dict[str, str] = {
    rules.PART_SHORTEST.name: (
        "where the slate stands in for a worker, and where the next one goes on, a part ends in the middle of a segment"
        " with what there was of it"
    ),
}
"""Where no worker lives for a second."""

KNOWN_OF_STANDSTILLS: dict[str, str] = {
    rules.IN_STEP.name: (
        "what a host held back comes all at once: its own picture is passed on as it comes, and what is transcoded has"
        " to be worked on for some tenths of a second before it is as far"
    ),
}
"""Where a host stands still for seconds and goes on, in a room that passes on its own picture beside others."""
