"""What a server is told at its start: its data folder and its addresses, as values. Opens no socket.

Values come from the command line, ``VEILCAST_…`` variables, a TOML file and these defaults, in that order;
the command line does the merging, this module the reading and checking.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from platformdirs import user_data_dir

OPTIONS = ("data", "rtmp", "rtmps", "http", "https", "https-cert", "https-key", "filters")
"""What a configuration file may hold: the same names as the options of ``veilcast serve``."""
_PATHS = ("data", "https-cert", "https-key")


class ConfigError(Exception):
    """A setting that can't be used; the text names it and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. ``0.0.0.0`` and ``::`` mean every interface, port 0 any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST:PORT``; an IPv6 host stands in brackets, ``[::1]:8080``. Raises ConfigError."""
        host, colon, port = text.strip().rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if bracketed else host
        if not colon or not host or (":" in host) != bracketed or any(c in " /@[]" for c in host):
            raise ConfigError(f"{text!r} is no address: write HOST:PORT, such as 0.0.0.0:8080 or [::1]:8080")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ConfigError(f"{port!r} in {text!r} is no port: write a number from 0 to 65535")
        return cls(host, int(port))

    @property
    def everywhere(self) -> bool:
        """Whether it means every interface of this machine."""
        return self.host in ("0.0.0.0", "::")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def default_data() -> Path:
    """Veilcast's folder among the user's data, in the platform's own place. It may not exist yet."""
    return Path(user_data_dir("veilcast", appauthor=False))


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Everything ``veilcast serve`` can be told.

    ``filters``: folders that rooms may have filters from, below which files are looked for; empty for the usual ones.
    ``watch_filters``: load them anew when their files change.
    ``https``, ``rtmps``: where to listen for HTTPS and RTMPS, beside HTTP and RTMP; with the certificate in the PEM
    files ``https_cert`` and ``https_key``, or one of the server's own making. Raises ConfigError where these do not go
    together.
    """

    data: Path = field(default_factory=default_data)
    rtmp: Address = Address("0.0.0.0", 1935)
    http: Address = Address("0.0.0.0", 8080)
    filters: tuple[Path, ...] = ()
    watch_filters: bool = False
    https: Address | None = None
    https_cert: Path | None = None
    https_key: Path | None = None
    rtmps: Address | None = None

    def __post_init__(self) -> None:
        if (self.https_cert is None) != (self.https_key is None):
            given, lacking = ("key", "cert") if self.https_cert is None else ("cert", "key")
            raise ConfigError(
                f"--https-{given} needs --https-{lacking} FILE: give both, or neither for a certificate of the server's"
                " own making"
            )
        if not self.secure and self.https_cert is not None:
            raise ConfigError(
                "--https-cert needs --https HOST:PORT, or --rtmps: say where to listen, such as --https 0.0.0.0:8443"
            )
        for plain, secure in (
            ("http", "https"),
            ("http", "rtmps"),
            ("rtmp", "https"),
            ("rtmp", "rtmps"),
            ("https", "rtmps"),
        ):
            one, other = getattr(self, plain), getattr(self, secure)
            if one is not None and one == other and one.port != 0:
                raise ConfigError(f"--{plain} and --{secure} both name {one}: choose another port for one of them")

    @property
    def secure(self) -> tuple[Address, ...]:
        """Where it listens with a certificate."""
        return tuple(address for address in (self.https, self.rtmps) if address is not None)

    @property
    def own_certificate(self) -> Path:
        """Where the certificate is kept that the server makes for itself; its key is beside it."""
        return self.data / "https" / "cert.pem"

    def filter_folders(self, working: Path) -> tuple[Path, ...]:
        """Return the folders that filters are taken from; usually the ``working`` folder and one among the data.

        A service is often started in the root of all folders: that would allow every file there is.
        """
        own = self.data / "filters"
        return self.filters or ((own,) if working == working.parent else (working, own))


def read_file(path: Path) -> dict[str, str | list[str]]:
    """Read a TOML file that holds some of ``OPTIONS``, as click has them; the values are checked.

    Relative folders and files are taken from the file's own folder. Raises ConfigError.
    """
    folder = path.parent.resolve()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    found: dict[str, str | list[str]] = {}
    for option, value in values.items():
        if option not in OPTIONS:
            raise ConfigError(f"{path}: there is no option {option!r}; the options are {', '.join(OPTIONS)}")
        found[option.replace("-", "_")] = _value(path, option, value, folder)
    return found


def _value(path: Path, option: str, value: object, folder: Path) -> str | list[str]:
    """What a file says of an option, as click has it. Raises ConfigError."""
    if option == "filters":
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise ConfigError(f'{path}: filters is a list of folders: write filters = ["…"]')
        return [str(folder / Path(part).expanduser()) for part in value]
    if not isinstance(value, str):
        raise ConfigError(f'{path}: {option} is a text: write {option} = "…"')
    if option in _PATHS:
        return str(folder / Path(value).expanduser())
    try:
        Address.parse(value)
    except ConfigError as error:
        raise ConfigError(f"{path}: {option}: {error}") from error
    return value
