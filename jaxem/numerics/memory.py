"""Memory of this machine, and sizes in words."""

import functools
import os
from pathlib import Path

#: Files with the memory limit of a container.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

#: Bytes that are assumed if the system does not tell.
_USUAL = 2**34


@functools.cache
def memory() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in."""
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, OSError, ValueError):
        found = [_USUAL]
    for name in _LIMITS:
        try:
            found.append(int(Path(name).read_text()))
        except (OSError, ValueError):
            continue
    return min(found)


def in_words(size: float) -> str:
    """A number of bytes with its unit, as "1.5 GiB"."""
    size = min(size, 2**200)
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    power = 0
    while size >= 1024 and power < len(units) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.3g} {units[power]}" if size < 1e4 else f"{size:.1e} {units[power]}"
