#!/usr/bin/env python3
"""What a section costs: microseconds for an empty one, without an agent and with one that listens.

The least of many rounds, so that other programs count as little as they can; processor time
includes the kernel's, where nearly all of it goes.
"""

import os
import platform
import signal
import socket
import sys
import tempfile
import time
from typing import Callable, Tuple

import highwater

ROUNDS = 400
SECTIONS = 50


def nothing() -> None:
    """What is measured bare."""


@highwater.peak("function")
def decorated() -> None:
    """The same with the decorator."""


def block() -> None:
    """The same in a block."""
    with highwater.peak("block"):
        pass


def nested() -> None:
    """Two sections, one in the other."""
    with highwater.peak("outer"):
        with highwater.peak("inner"):
            pass


def measure(work: Callable[[], None]) -> Tuple[float, float]:
    """Microseconds of time and of processor time for one call, the least of all rounds each."""
    elapsed, used = [], []
    for _ in range(ROUNDS):
        start, start_used = time.perf_counter(), time.process_time()
        for _ in range(SECTIONS):
            work()
        used.append(time.process_time() - start_used)
        elapsed.append(time.perf_counter() - start)
    return min(elapsed) / SECTIONS * 1e6, min(used) / SECTIONS * 1e6


def show(what: str, work: Callable[[], None]) -> None:
    """Prints one row."""
    elapsed, used = measure(work)
    print(f"{what:42}{elapsed:8.2f} us{used:8.2f} us", flush=True)


def listen(path: str) -> int:
    """A process that takes whatever comes, as an agent does; its id."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(path)
    child = os.fork()
    if child == 0:
        while True:
            listening.recv(65536)
    listening.close()
    return child


def main() -> None:
    """Prints the table."""
    os.environ["HIGHWATER_SOCKET"] = ""
    print(f"CPython {platform.python_version()}, Linux {platform.release()}, "
          f"{os.cpu_count()} processors")  # fmt: skip
    print(f"{'':42}{'elapsed':>11}{'processor':>11}")
    show("bare call", nothing)
    show("peak, a block", block)
    show("peak, a function", decorated)
    show("peak, two nested blocks", nested)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sections.sock")
        os.environ["HIGHWATER_SOCKET"] = path
        show("peak, a block, no agent at its path", block)
        child = listen(path)
        try:
            show("peak, a block, an agent that listens", block)
        finally:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
    with highwater.peak("check") as peak:
        pass
    if not peak.is_exact:
        print(f"These are sampled: {peak}", file=sys.stderr)


if __name__ == "__main__":
    main()
