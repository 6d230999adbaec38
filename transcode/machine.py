"""What of the machine this process may use: processors, and their time where a container or a service has a quota."""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def processors() -> int:
    """Return how many processors this process may use at the same time."""
    return max(1, math.ceil(processor_time()))


def processor_time(own: Path = _OWN, cgroups: Path = _CGROUPS) -> float:
    """Return the CPU seconds that this process may use in a second: less than its processors where it has a quota.

    Quotas are those of Linux's control groups, version 2 (``cpu.max``), of its own group (``own``) and all above.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(count), *_quotas(own, cgroups)])


def _quotas(own: Path, cgroups: Path) -> list[float]:
    try:
        groups = own.read_text().splitlines()
    except OSError:
        return []
    path = next((line.removeprefix("0::/") for line in groups if line.startswith("0::/")), "")
    quotas = []
    for group in (cgroups / path, *(cgroups / path).parents):
        try:
            quota, period = (group / "cpu.max").read_text().split()
            quotas.append(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue  # none here, or "max"
    return quotas
