"""What this machine's network looks like: its addresses, whether a port is free, and who holds it.

Asks the operating system only; sends nothing.
"""

import errno
import ipaddress
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from serve.config import Address

_PROC = Path("/proc")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp (proc(5))


def reachable(address: Address) -> list[Address]:
    """Where others find what listens on ``address``: the best first, this machine's own loopback last.

    The best is the one by which this machine reaches other networks. Link-local addresses are left out.
    """
    if not address.everywhere:
        return [address]
    versions = (4,) if address.host == "0.0.0.0" else (4, 6)
    found = [ip for ip in _interfaces() if ip.version in versions and not (ip.is_loopback or ip.is_link_local)]
    hosts = list(dict.fromkeys(str(ip) for ip in found))
    if (outward := _outward()) in hosts:
        hosts.remove(outward)
        hosts.insert(0, outward)
    return [Address(host, address.port) for host in [*hosts, "127.0.0.1"]]


def loopback(address: Address) -> Address:
    """Where this machine itself finds what listens on ``address``."""
    return reachable(address)[-1]


def names(address: Address) -> list[str]:
    """What this machine is called by those who find what listens on ``address``: host names and addresses."""
    host = socket.gethostname()
    short = host.partition(".")[0]
    hosts = (host, f"{short}.local", *(one.host for one in reachable(address)))  # .local: RFC 6762
    usable = [name.partition("%")[0] for name in hosts if _NAME.fullmatch(name) or ":" in name]
    return list(dict.fromkeys([*usable, "localhost", "127.0.0.1", "::1"]))


def is_free(address: Address) -> bool:
    """Whether a server could listen there now. Raises OSError where the host is none of this machine's."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen(1)  # a wildcard and a specific address clash only here
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def holder(port: int) -> str | None:
    """The program that listens on a TCP port, as ``name (pid 123)``; None where that can't be told."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return None
    for process in _PROC.glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in inodes for handle in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # gone, or another user's
    return None


def taken(address: Address, option: str) -> str:
    """The sentence for a port that is taken: which, by whom, and what to change. ``option`` is ``--http``."""
    by = holder(address.port)
    return (
        f"port {address.port} is taken{f' by {by}' if by else ''}: "
        f"stop that program, or choose another port with {option} {Address(address.host, (address.port + 1) % 65536)}"
    )


def _interfaces() -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    import ifaddr  # here, because the command line's start is to be quick

    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            yield ipaddress.ip_address(ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip)


def _outward() -> str | None:
    """This machine's address on the way out. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: RFC 5737
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _listening_inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue  # not Linux
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
