"""`monitor`: a thread that samples, for those who want start and stop."""

import threading
from types import TracebackType
from typing import Optional, Type

from . import _kernel


class Monitor:
    """Samples what is resident from `start` to `stop` and keeps the maximum.

    Sampled, so a lower bound: it misses what comes and goes between two looks, and everything that
    happens while one C call holds the interpreter's lock, because then this thread cannot run. It
    sees this stretch only, as `ru_maxrss` does not: that never falls. `peak` is exact; use this
    where a stretch begins and ends in different places.
    """

    def __init__(self, interval: float = 0.1) -> None:
        if not interval > 0:
            raise ValueError("the interval of a monitor is more than 0 seconds")
        self._interval = interval
        self._runs = False
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._most_kib: Optional[int] = None

    @property
    def maximum(self) -> Optional[int]:
        """The most that a look saw since `start`, in bytes; None before it, or if none could."""
        return None if self._most_kib is None else self._most_kib * 1024

    def start(self) -> "Monitor":
        """Begins anew; one that runs goes on as it is."""
        if self._runs:
            return self
        self._runs = True
        self._most_kib = None
        self._stop = threading.Event()
        self._look()
        self._thread = threading.Thread(
            target=self._run, args=(self._stop,), name="highwater monitor", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: the looks at start and stop have to do
            self._thread = None
        return self

    def stop(self) -> Optional[int]:
        """Ends the sampling with one more look, and gives the maximum in bytes."""
        if self._runs:
            self._runs = False
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            self._look()
        return self.maximum

    def __enter__(self) -> "Monitor":
        return self.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> None:
        self.stop()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._interval):
            self._look()

    def _look(self) -> None:
        kib = _kernel.resident_kib()
        if kib is not None and (self._most_kib is None or kib > self._most_kib):
            self._most_kib = kib


def monitor(interval: float = 0.1) -> Monitor:
    """A sampling monitor that looks each `interval` seconds; it has `start()` and `stop()`.

    with highwater.monitor() as memory:
        work()
    print(memory.maximum)
    """
    return Monitor(interval)
