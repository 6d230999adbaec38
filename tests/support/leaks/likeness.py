"""How much of a secret stands in what a recogniser has read. Pure, no I/O."""

READABLE = 0.8
"""Likeness from which on a secret counts as read: one character in five may be wrong or missing."""


def likeness(secret: str, read: str) -> float:
    """Return how much of ``secret`` stands somewhere in ``read``, 0 to 1.

    1 less the edits (Levenshtein) that it takes to find it there, by its own length. Spaces and case do not count: who
    reads it in another case, or run together, has read it.
    """
    wanted, given = _bare(secret), _bare(read)
    if not wanted:
        return 0.0
    # Before and after it anything may stand: the first row costs nothing, and the best end counts.
    row = [0] * (len(given) + 1)
    for count, letter in enumerate(wanted, 1):
        before, row = row, [count]
        for at, other in enumerate(given, 1):
            row.append(min(before[at - 1] + (letter != other), before[at] + 1, row[at - 1] + 1))
    return 1 - min(row) / len(wanted)


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()
