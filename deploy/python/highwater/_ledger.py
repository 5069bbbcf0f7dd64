"""All open sections of this process, and the most that it ever held.

The kernel keeps one mark for the process. Each section that begins resets it, and before that the
mark is folded into every open section and into the maximum of the process's life. So a section's
peak is the greatest of what was folded into it and of the mark at its end, however sections nest,
overlap or run in threads. What rises and falls within the microsecond between reading and reset
is lost to sections that were open already; nothing else is.
"""

import os
import threading
from typing import Dict, Optional, Sequence, Tuple

from . import _datagram, _kernel
from ._peak import UNBOUNDED_KIB, LedgerOfPeaks, Peak
from ._sampler import Sampler

# Sections that are open at once. Those beyond it are measured at their two ends only.
_MOST_OPEN = 4096


class Ledger(LedgerOfPeaks):
    """The open sections of one process."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        # Again and again by one thread, as a signal's handler or a generator that is collected
        # may open or end a section while this module is at work.
        self.lock = threading.RLock()
        self.open: Dict[Peak, None] = {}
        self._memory = _kernel.OwnMemory()
        self._sampler = Sampler(self._take_sample, self.lock)
        self._rough_kib = _kernel.rough_sum_kib()
        self._life_kib: Optional[int] = None
        self._told_kib: Optional[int] = None
        self._last_mark_kib = 0
        # Whether a reset was seen to make the mark fall; None until it had to.
        self._mark_falls: Optional[bool] = None
        self._was_reset = False
        self._sender = _datagram.Sender()

    def begin(self, peak: Peak, enclosing: Sequence[Peak]) -> None:
        """Opens a section; `enclosing` are those that it is a part of."""
        with self.lock:
            peak._ledger = self
            is_counted = len(self.open) < _MOST_OPEN
            mark, resident = self._read()
            if is_counted and self._reset(mark, resident):
                peak._base_kib = None
                resident = self._memory.resident()
                # Whatever was resident after the reset, the mark is above it from now on.
                self._last_mark_kib = resident or 0
            peak._start_kib = resident if resident is not None else _kernel.resident_kib()
            peak._note(peak._start_kib)
            if is_counted:
                if peak._base_kib is not None:
                    peak._base_kib = mark if mark is not None else peak._base_kib
                    self._sampler.start()
                for other in list(self.open):
                    other._note(peak._start_kib)
                    if other not in enclosing:
                        other.is_shared = peak.is_shared = True
                self.open[peak] = None
            peak._started = _kernel.boot_nanoseconds()

    def end(self, peak: Peak) -> None:
        """Ends a section and tells the agent of it, if there is one."""
        ended = _kernel.boot_nanoseconds()
        with self.lock:
            mark, resident = self._read()
            if resident is None:
                resident = _kernel.resident_kib()
            # One that is not among them was one too many, or was opened before a fork.
            was_open = self.open.pop(peak, self) is None
            is_ours = peak._ledger is self
            if was_open:
                peak._close_stretch(mark)
            elif peak._ledger is not None and not is_ours:
                self._end_of_parents(peak, mark)
            peak._note(resident)
            peak._end_kib, peak._ended, peak._ledger = resident, ended, None
            self._live(peak._most_kib)
            # Without a mark what was seen is no more than that.
            life = self._life_kib if mark is not None else None
            if is_ours and self._sender.send_section(peak, life, self._was_reset):
                self._told_kib = life

    def forget(self, peak: Peak) -> None:
        """Leaves out a section whose begin or end was cut short."""
        self.open.pop(peak, None)
        peak._ledger = None

    def look(self, peak: Peak) -> None:
        """Brings an open section up to this moment."""
        with self.lock:
            if peak._ledger is self:
                peak._ended = _kernel.boot_nanoseconds()
                if self is current():
                    peak._note(self._read()[1])

    def run_peak_kib(self) -> Optional[int]:
        """The most that this process ever held."""
        with self.lock:
            resident = self._read()[1]
            self._live(resident if resident is not None else _kernel.resident_kib())
            return self._life_kib

    def close(self) -> None:
        """Lets go of the files of a process that this one was forked from."""
        self._memory.close()

    # --- with the lock held ---

    def _read(self) -> Tuple[Optional[int], Optional[int]]:
        """Reads the mark and folds it into whatever is open."""
        mark, resident = self._memory.read()
        if mark is not None:
            # A mark never falls by itself but for the rough sum.
            is_disturbed = mark + self._rough_kib < self._last_mark_kib
            for peak in list(self.open):
                peak._note_mark(mark)
                peak._is_disturbed = peak._is_disturbed or is_disturbed
            self._last_mark_kib = mark
            self._live(mark)
        return mark, resident

    def _reset(self, mark: Optional[int], resident: Optional[int]) -> bool:
        """Resets the mark, if that can be done and the mark is there."""
        if mark is None or resident is None or self._mark_falls is False:
            return False
        if mark > resident and self._life_kib != self._told_kib and self._memory.may_reset():
            # What is wiped out now is told before: a process that is killed in a section has no
            # other chance.
            if self._sender.send_reset(self._life_kib):
                self._told_kib = self._life_kib
                mark = self._read()[0] or mark
        if not self._memory.reset():
            return False
        # Where it has nowhere to fall, a reset changes nothing, and proves nothing.
        if self._mark_falls is None and mark > resident and not self._is_proven(mark):
            return False
        self._was_reset = True
        for peak in list(self.open):
            peak._close_stretch(mark)
        return True

    def _is_proven(self, before: int) -> bool:
        """Whether the mark fell by a reset from above what is resident."""
        after, resident = self._memory.read()
        if after is None or resident is None:
            return False
        if after < before:
            self._mark_falls = True
        elif before - resident > self._rough_kib:
            self._mark_falls = False
        return self._mark_falls is not False

    def _end_of_parents(self, peak: Peak, mark: Optional[int]) -> None:
        """A section that the parent opened ends here: what this process held since the fork."""
        peak._most_kib = self._life_kib
        peak._base_kib = None
        peak._bound_kib = UNBOUNDED_KIB if mark is None else 0

    def _live(self, kib: Optional[int]) -> None:
        if kib is not None and (self._life_kib is None or kib > self._life_kib):
            self._life_kib = kib

    def _take_sample(self) -> bool:
        """Looks at what is resident for the sections without a mark; False if there are none."""
        peaks = [peak for peak in list(self.open) if peak._base_kib is not None]
        resident = _kernel.resident_kib() if peaks else None
        for peak in peaks:
            peak._note(resident)
        self._live(resident)
        return bool(peaks)


_ledger = Ledger()


def current() -> Ledger:
    """The ledger of this process."""
    if _ledger.process_id != os.getpid():
        _start_anew()  # forked by what does not tell Python
    return _ledger


def run_peak() -> Optional[int]:
    """The most memory that this process ever held, in bytes, although sections reset its mark.

    Of a process that was forked it is the most since the fork. None where it cannot be read.
    """
    try:
        kib = current().run_peak_kib()
    except Exception:  # a measurement never ends a program
        return None
    return None if kib is None else kib * 1024


def _start_anew() -> None:
    global _ledger
    parents, _ledger = _ledger, Ledger()
    parents.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
