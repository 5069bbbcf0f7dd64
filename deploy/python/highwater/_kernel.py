"""What Linux says of this process's memory, and how its high-water mark is reset.

Followed: proc(5), Documentation/filesystems/proc.rst and fs/proc/task_mmu.c of Linux 4.0 to 6.18.
`ru_maxrss` of getrusage(2) is not read: it survives exec, so that a program begins with the size of
whoever started it.
"""

import os
import time
from typing import Optional, Tuple

#: The folder of this process; tests put another one here.
FOLDER = "/proc/self"

# Enough for all lines before VmHWM, unless the process is in hundreds of groups.
_STATUS_BYTES = 4096
_LONGEST_STATUS_BYTES = 1 << 20
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4

FileIdentity = Tuple[int, int]


def boot_nanoseconds() -> int:
    """Nanoseconds since the boot, time asleep included; a monotonic clock where there is none."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)


def rough_sum_kib() -> int:
    """How far the kernel's quick sum of resident pages may be off, in KiB.

    Since Linux 6.2 each processor counts pages by itself, up to max(32, 2 x processors) of each
    kind (anonymous, of files, shared), before it adds them to the sum. `status` is summed exactly
    when it is read; the mark that it shows was kept by the quick sum.
    """
    processors = os.cpu_count() or 1
    return 3 * processors * max(32, 2 * processors) * _PAGE_KIB


class OwnFile:
    """A file of this process's folder that stays open.

    A program may close every descriptor that it does not know, and its next file then has our
    number: so it has to be the file that was opened whenever it is used. A number that is someone
    else's by now is not closed.
    """

    def __init__(self, name: str, flags: int) -> None:
        self._name = name
        self._flags = flags
        self._number = -1
        self._identity: Optional[FileIdentity] = None

    def descriptor(self) -> int:
        """The open file, opened again if it has to be; raises OSError."""
        if self._number >= 0 and _identity(self._number) == self._identity:
            return self._number
        self._number = -1
        self._number = os.open(f"{FOLDER}/{self._name}", self._flags)
        self._identity = _identity(self._number)
        return self._number

    def close(self) -> None:
        """Closes it, if it is still the one."""
        if self._number >= 0 and _identity(self._number) == self._identity:
            os.close(self._number)
        self._number = -1


class OwnMemory:
    """The marks of this process, read through files that stay open."""

    def __init__(self) -> None:
        self._status = OwnFile("status", os.O_RDONLY)
        self._statm = OwnFile("statm", os.O_RDONLY)
        self._clear_refs = OwnFile("clear_refs", os.O_WRONLY)

    def read(self) -> Tuple[Optional[int], Optional[int]]:
        """`VmHWM` and `VmRSS` of `status`, in KiB; None for what is not there."""
        try:
            descriptor = self._status.descriptor()
            text = os.pread(descriptor, _STATUS_BYTES, 0)
            if len(text) == _STATUS_BYTES and b"\nVmRSS:" not in text:
                text = os.pread(descriptor, _LONGEST_STATUS_BYTES, 0)
        except OSError:
            return None, None
        return _kib(text, b"\nVmHWM:"), _kib(text, b"\nVmRSS:")

    def resident(self) -> Optional[int]:
        """What is resident now, by `statm`, in KiB: a fifth of the time that `status` takes."""
        try:
            return _resident_kib(os.pread(self._statm.descriptor(), 256, 0))
        except OSError:
            return None

    def may_reset(self) -> bool:
        """Whether the kernel lets us try."""
        try:
            return self._clear_refs.descriptor() >= 0
        except OSError:
            return False

    def reset(self) -> bool:
        """Sets the mark to what is resident now; False where the kernel does not let us."""
        try:
            return os.write(self._clear_refs.descriptor(), b"5") == 1
        except OSError:
            return False

    def close(self) -> None:
        """Closes the files, as a forked child does with its parent's."""
        for file in (self._status, self._statm, self._clear_refs):
            file.close()


def resident_kib() -> Optional[int]:
    """What is resident now, by `statm`, in KiB; None where that cannot be read."""
    try:
        descriptor = os.open(f"{FOLDER}/statm", os.O_RDONLY)
        try:
            return _resident_kib(os.read(descriptor, 256))
        finally:
            os.close(descriptor)
    except OSError:
        return None


def start_ticks() -> Optional[int]:
    """When this process began, in clock ticks since the boot: field 22 of `stat`."""
    try:
        with open(f"{FOLDER}/stat", "rb") as file:
            # The name before it may hold spaces and brackets, so count from its last bracket.
            return int(file.read(8192).rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _resident_kib(text: bytes) -> Optional[int]:
    try:
        return int(text.split()[1]) * _PAGE_KIB
    except (IndexError, ValueError):
        return None


def _kib(text: bytes, label: bytes) -> Optional[int]:
    begin = text.find(label)
    end = text.find(b" kB", begin)
    if begin < 0 or end < 0:
        return None
    try:
        return int(text[begin + len(label) : end])
    except ValueError:
        return None


def _identity(descriptor: int) -> Optional[FileIdentity]:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
