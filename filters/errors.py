"""What can go wrong with a filter. The texts are for its author and the room's operator."""


class FilterError(Exception):
    """A filter cannot be used, or has failed; the text names it and says what to do."""


class SpecError(FilterError):
    """What was asked for is no filter, or not with these options."""
