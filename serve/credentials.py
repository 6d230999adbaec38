"""``server.json``: how the command line finds the server that uses the same data folder, and its token.

The server writes it when it has started and removes it when it ends.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A running server's address (``http://HOST:PORT``) and its operator's token. Never log the token."""

    url: str
    token: str

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """What the data folder tells; None where it tells nothing usable. Raises PermissionError."""
        try:
            values = json.loads((data / FILE).read_text(encoding="utf-8"))
            return cls(str(values["url"]), str(values["token"]))
        except PermissionError:
            raise
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, data: Path) -> None:
        """Put it into the data folder, readable by this user alone, all of it or nothing. Raises OSError."""
        new = data / f"{FILE}.new"
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        new.replace(data / FILE)

    @staticmethod
    def remove(data: Path) -> None:
        """Take it away; nothing happens where there is none."""
        (data / FILE).unlink(missing_ok=True)
