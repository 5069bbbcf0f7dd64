"""Looks at the memory of every process once a second, as scripts for watching memory do."""

import time

import psutil

due = time.monotonic()
while True:
    for process in psutil.process_iter(["pid", "name", "memory_info", "cpu_times"]):
        process.info["memory_info"]
    due += 1
    time.sleep(max(0, due - time.monotonic()))
