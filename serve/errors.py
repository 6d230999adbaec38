"""What can be wrong with what is asked of a room. The texts say why, and what to do."""


class RoomError(Exception):
    """Something asked of a room cannot be done; the text says why and what to do."""


class UnknownRoomError(RoomError):
    """There is no such room."""


class SettingError(RoomError):
    """A room cannot be set up so."""


class CapacityError(RoomError):
    """The machine cannot carry a room beside those on air."""
