#!/usr/bin/env python3
"""A thread that samples `ru_maxrss`, the usual example, beside `highwater.monitor` and `peak`.

    compare.py    runs three functions under each of the three, each in a process of its own

Each function takes a known amount of memory and gives it back. A process of its own, because a
reset of the kernel's mark would mend the figures of `ru_maxrss`, too.
"""

import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import highwater

MIB = 1 << 20


def big() -> None:
    """Takes 400 MiB and holds it for a quarter of a second."""
    data = bytearray(400 * MIB)
    time.sleep(0.25)
    del data


def small() -> None:
    """Takes 100 MiB and holds it for a quarter of a second."""
    data = bytearray(100 * MIB)
    time.sleep(0.25)
    del data


def spike() -> None:
    """Takes 300 MiB in one call and gives them back at once."""
    b"x" * (300 * MIB)


class MemoryMonitor:
    """The example as it is told everywhere: it samples until it is told to stop."""

    def __init__(self) -> None:
        self.keep_measuring = True

    def measure_usage(self) -> int:
        """The largest `ru_maxrss` that it saw, in KiB."""
        most = 0
        while self.keep_measuring:
            most = max(most, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            time.sleep(0.1)
        return most


def by_article(function: Callable[[], None]) -> int:
    """Bytes, as the example would have it."""
    with ThreadPoolExecutor() as executor:
        monitor = MemoryMonitor()
        measuring = executor.submit(monitor.measure_usage)
        try:
            executor.submit(function).result()
        finally:
            monitor.keep_measuring = False
        return measuring.result() * 1024


def by_monitor(function: Callable[[], None]) -> int:
    """Bytes, by sampling what is resident."""
    with highwater.monitor() as monitor:
        function()
    return monitor.maximum or 0


def by_peak(function: Callable[[], None]) -> int:
    """Bytes, by the kernel's own mark."""
    with highwater.peak(function.__name__) as peak:
        function()
    return peak.peak_bytes or 0


FUNCTIONS = (big, small, spike)
WAYS = {"article": by_article, "monitor": by_monitor, "peak": by_peak}


def main() -> None:
    """Prints the table, or, given the name of a way, its figures."""
    if len(sys.argv) > 1:
        print(*(WAYS[sys.argv[1]](function) for function in FUNCTIONS))
        return
    found = {
        way: [int(n) for n in subprocess.check_output([sys.executable, __file__, way]).split()]
        for way in WAYS
    }
    print(
        f"{'':8}{'takes':>9}{'ru_maxrss thread':>19}{'highwater.monitor':>20}{'highwater.peak':>17}"
    )
    for row, (function, takes) in enumerate(zip(FUNCTIONS, (400, 100, 300))):
        sizes = [f"{found[way][row] / MIB:.1f} MiB" for way in WAYS]
        print(f"{function.__name__:8}{takes:5} MiB{sizes[0]:>19}{sizes[1]:>20}{sizes[2]:>17}")


if __name__ == "__main__":
    main()
