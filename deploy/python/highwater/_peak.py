"""What a section needed: the figure that people read."""

from typing import Optional

#: More than any process holds: what stands for "anything may have been".
UNBOUNDED_KIB = 1 << 60


class Peak:
    """The memory of one section. While the section runs, its figures are those so far.

    Figures are bytes of resident memory of the whole process, other threads' included; None where
    the system does not tell.
    """

    __slots__ = (
        "__weakref__",
        "_base_kib",
        "_bound_kib",
        "_end_kib",
        "_ended",
        "_is_disturbed",
        "_is_of_call",
        "_ledger",
        "_most_kib",
        "_start_kib",
        "_started",
        "is_shared",
        "name",
    )

    def __init__(self, name: str) -> None:
        #: The section's name, as it was given.
        self.name = name
        #: Whether sections of other threads or tasks were open at the same time: their memory is
        #: in these figures, too. Those that enclose this one, or that it encloses, do not count.
        self.is_shared = False
        self._start_kib: Optional[int] = None
        self._end_kib: Optional[int] = None
        self._started = 0
        self._ended = 0
        # The most that is known; None before anything is.
        self._most_kib: Optional[int] = None
        # The kernel's mark counts for this section only above this. None: it always does, because
        # it was reset when the section began.
        self._base_kib: Optional[int] = UNBOUNDED_KIB
        # What the section may have reached at most while the mark did not count; 0: it did.
        self._bound_kib = 0
        self._is_disturbed = False
        # Whether what was called goes on after the call, and this is of the call alone.
        self._is_of_call = False
        # Where the section is open; None before and after.
        self._ledger: Optional["LedgerOfPeaks"] = None

    @property
    def peak_bytes(self) -> Optional[int]:
        """The most that was resident while the section ran."""
        self._look()
        return _bytes(self._most_kib)

    @property
    def start_bytes(self) -> Optional[int]:
        """What was resident when it began."""
        return _bytes(self._start_kib)

    @property
    def end_bytes(self) -> Optional[int]:
        """What was resident when it ended; None while it runs."""
        return _bytes(self._end_kib)

    @property
    def growth_bytes(self) -> Optional[int]:
        """How far the peak is above the start."""
        self._look()
        if self._most_kib is None or self._start_kib is None:
            return None
        return (self._most_kib - self._start_kib) * 1024

    @property
    def seconds(self) -> float:
        """How long it ran, time in which the machine was asleep included."""
        self._look()
        return (self._ended - self._started) / 1e9

    @property
    def method(self) -> str:
        """`mark`: by the kernel's mark; `sampled`: the most that a look saw; `none`: not known."""
        self._look()
        if self._most_kib is None:
            return "none"
        return "mark" if self._most_kib >= self._unknown_kib() else "sampled"

    @property
    def is_exact(self) -> bool:
        """Whether the peak is the kernel's own and nothing can be above it.

        Never of a call that gave a generator, or anything else that goes on after it.
        """
        return self.method == "mark" and not self._is_disturbed and not self._is_of_call

    def __str__(self) -> str:
        text = f"{_shown(self.name)}: {'so far ' if self._ledger else ''}peak "
        peak, growth, method = self.peak_bytes, self.growth_bytes, self.method
        text += "not known" if peak is None else size_text(peak)
        if growth is not None:
            text += f" (+{size_text(growth)})"
        text += f" in {duration_text(self.seconds)}"
        if method == "sampled":
            text += ", sampled"
        elif method == "mark":
            text += ", at least: another program reset the mark" if self._is_disturbed else ""
            text += ", exact" if self.is_exact else ""
        if self._is_of_call:
            text += ", of the call alone: what it gave goes on"
        return text + (", beside other sections" if self.is_shared else "")

    def __repr__(self) -> str:
        return (
            f"<Peak {self.name!r} peak_bytes={self.peak_bytes} growth_bytes={self.growth_bytes} "
            f"start_bytes={self.start_bytes} end_bytes={self.end_bytes} seconds={self.seconds:.6f} "
            f"is_exact={self.is_exact} method={self.method!r} is_shared={self.is_shared}>"
        )

    # --- what the ledger does with it ---

    def _look(self) -> None:
        if self._ledger is not None:
            self._ledger.look(self)

    def _note(self, kib: Optional[int]) -> None:
        """Takes in what was resident at some time of the section."""
        if kib is not None and (self._most_kib is None or kib > self._most_kib):
            self._most_kib = kib

    def _note_mark(self, mark_kib: Optional[int]) -> None:
        """Takes in the kernel's mark, as far as it says anything of this section."""
        if mark_kib is not None and (self._base_kib is None or mark_kib > self._base_kib):
            self._note(mark_kib)

    def _close_stretch(self, mark_kib: Optional[int]) -> None:
        """The mark is reset now, or the section ends: what it did not say stays not known."""
        if mark_kib is None:
            self._bound_kib = UNBOUNDED_KIB
        elif self._base_kib is not None and mark_kib <= self._base_kib:
            self._bound_kib = max(self._bound_kib, self._base_kib)
        self._base_kib = None

    def _unknown_kib(self) -> int:
        """The section may have been as high as this without anyone having seen it."""
        if self._base_kib is None or (self._most_kib or 0) > self._base_kib:
            return self._bound_kib
        return max(self._bound_kib, self._base_kib)


class LedgerOfPeaks:
    """What a peak asks for its figures while it is open."""

    def look(self, peak: Peak) -> None:
        """Brings the peak up to this moment."""
        raise NotImplementedError


def size_text(size_bytes: int) -> str:
    """A size for people, of three digits: `812 MiB`, `1.23 GiB`."""
    value, unit = size_bytes / 1024, "KiB"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000 or unit == "TiB":
            break
        value /= 1024
    digits = 0 if unit == "KiB" or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"


def duration_text(seconds: float) -> str:
    """A length of time for people: `14 us`, `84 ms`, `3.2 s`, `2 min 5 s`, `1 h 2 min`."""
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.{1 if seconds < 0.00995 else 0}f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _bytes(kib: Optional[int]) -> Optional[int]:
    return None if kib is None else kib * 1024


def _shown(name: str) -> str:
    """The name without what a terminal would take for a command."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
