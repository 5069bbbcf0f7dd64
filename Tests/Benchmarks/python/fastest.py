"""Grows as fast as it can: takes blocks up to half a GiB, gives them back, and begins again."""

from waiting import run


def grow(count):
    return [bytearray(4 << 20) for _ in range(count)]


def work(scale):
    most = 0
    for _ in range(int(20 * scale)):
        kept = grow(128)
        most = max(most, len(kept))
        del kept
    return most


run(work)
