"""A thread that looks again and again, for where the kernel's mark cannot be reset."""

import threading
import time
from typing import Any, Callable, ContextManager, Optional

_INTERVAL_SECONDS = 0.01
# Looks without anything to look at, after which the thread ends.
_IDLE_LOOKS = 100


class Sampler:
    """Calls `look` each 10 ms, with the lock held, as long as it says that there is a reason to."""

    def __init__(self, look: Callable[[], bool], lock: ContextManager[Any]) -> None:
        self._look = look
        self._lock = lock
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Starts the thread, if it does not run; with the lock held."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="highwater sampler", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: the two ends of the section have to do
            self._thread = None

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(_INTERVAL_SECONDS)
            with self._lock:
                idle = 0 if self._look() else idle + 1
                if idle == _IDLE_LOOKS:
                    self._thread = None
                    return
