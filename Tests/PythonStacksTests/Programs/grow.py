"""Grows by known amounts in known lines, one step for each line of standard input."""

import mmap
import sys
import threading
import time

try:
    import ctypes

    # Where the kernel gives huge pages to all, few faults are left (PR_SET_THP_DISABLE).
    ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
except ImportError:
    pass

MEBIBYTE = 1 << 20
kept = []
# A pause after each block, and a long one after the last, so that a look that is late finds it.
PAUSES = {index: 0.3 if index in (29, 59) else 0.008 for index in range(60)}


def blocks():
    for index in range(60):
        kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: blocks


def bursts():
    for _ in range(6):
        kept.append(bytearray(30 * MEBIBYTE))  # line: bursts
        time.sleep(0.3)  # line: pause


def nested():
    class Loader:
        def load(self):
            return middle()

    Loader().load()  # line: nested


def middle():
    return [innermost(index) for index in range(60)]


def innermost(index):
    kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: innermost


def objects():
    kept.append([(number, [number]) for number in range(1500000)]); time.sleep(0.3)  # line: objects


def in_thread():
    for index in range(60):
        kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: in_thread


def thread():
    worker = threading.Thread(target=in_thread)
    worker.start()
    worker.join()


def other_thread():
    for index in range(60):
        kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: other_thread


def two_threads():
    workers = [threading.Thread(target=target) for target in (in_thread, other_thread)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def computing():
    for _ in range(60):
        kept.append([(number, [number]) for number in range(12000)])  # line: computing


def other_computing():
    for _ in range(60):
        kept.append([(number, [number]) for number in range(12000)])  # line: other_computing


def computing_threads():
    workers = [threading.Thread(target=target) for target in (computing, other_computing)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def recurse(depth=400):
    if depth:
        return recurse(depth - 1)
    for index in range(30):
        kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: recurse


def generator():
    def values():
        for index in range(60):
            kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: generator
            yield None

    for _ in values():
        pass


def größe():
    for index in range(30):
        kept.append(bytearray(2 * MEBIBYTE)); time.sleep(PAUSES[index])  # line: größe


PIECE = b"x" * 65536
# Something to compute for a millisecond, so that a look finds the thread awake, and after the last
# piece for some tenths of a second, so that a late one does.
WORK = {False: range(50000), True: range(10000000)}


def area(mebibytes):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return mmap.mmap(-1, mebibytes * MEBIBYTE, flags=flags)


def first_to_stay(space):
    while space.tell() < len(space):
        space.write(PIECE); sum(WORK[space.tell() == len(space)])  # line: first_to_stay


def to_be_dropped(space):
    while space.tell() < len(space):
        space.write(PIECE); sum(WORK[space.tell() == len(space)])  # line: to_be_dropped


def last_to_stay(space):
    while space.tell() < len(space):
        space.write(PIECE); sum(WORK[space.tell() == len(space)])  # line: last_to_stay


def dropped():
    """Most is resident with what stays; what was dropped before has a part in the growth only."""
    first, second, third = area(40), area(50), area(60)
    first_to_stay(first)
    to_be_dropped(second)
    second.close()
    time.sleep(0.3)
    last_to_stay(third)
    time.sleep(0.3)
    first.close()
    third.close()
    time.sleep(0.3)


print("ready", flush=True)
for step in iter(sys.stdin.readline, ""):
    globals()[step.strip()]()
    print("done", step.strip(), flush=True)
