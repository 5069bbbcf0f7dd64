"""Waits until it is told to begin, works, says how long that took, and waits for the end."""

import sys
import time


def run(work):
    """Runs `work` with the number that is the program's argument."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    begin = time.perf_counter()
    used = time.process_time()
    kept = work(scale)
    print(time.perf_counter() - begin, time.process_time() - used, flush=True)
    sys.stdin.readline()
    del kept
