"""A line between two TUN devices that delays packets and loses some, for machines whose kernel has no netem.

    python -m tests.support.tunnel DEVICE DEVICE DELAY LOSS

It makes both devices (root), prints ``ready``, and carries packets both ways, each DELAY seconds late, but for the
share LOSS of them, chosen one by one. The devices can be moved to other network namespaces; they end with the process.
"""

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_LARGEST = 1 << 16
_QUEUE = 1000
"""Packets under way at most; more are lost, as netem loses them."""


def make_device(name: str) -> int:
    """Make the TUN device ``name``; return its descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def carry(devices: tuple[int, int], delay: float, loss: float) -> None:
    """Carry packets between the devices for ever."""
    chance = random.Random(1).random
    under_way: deque[tuple[float, int, bytes]] = deque()  # all wait equally long, so they are in order
    poll = select.poll()
    other = dict((devices, devices[::-1]))
    for device in devices:
        poll.register(device, select.POLLIN)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) * 1000 if under_way else None
        for device, _ in poll.poll(wait):
            for packet in _waiting(device):
                if chance() >= loss and len(under_way) < _QUEUE:
                    under_way.append((time.monotonic() + delay, other[device], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, device, packet = under_way.popleft()
            try:
                os.write(device, packet)
            except OSError:
                continue  # that end is down


def _waiting(device: int) -> list[bytes]:
    packets: list[bytes] = []
    while len(packets) < _QUEUE:
        try:
            packets.append(os.read(device, _LARGEST))
        except OSError:  # no more, or that end is down
            break
    return packets


def main(first: str, second: str, delay: str, loss: str) -> None:
    devices = make_device(first), make_device(second)
    print("ready", flush=True)
    carry(devices, float(delay), float(loss))


if __name__ == "__main__":
    main(*sys.argv[1:])
