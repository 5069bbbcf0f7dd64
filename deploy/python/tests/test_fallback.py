"""Where the kernel's mark cannot be reset, does not fall, or is not there."""

import os
import threading
import time
import unittest
from typing import Optional
from unittest import mock

from harness import MIB, highwater, in_child, memory, needs_mark, procfs, tolerance_bytes
from highwater import _ledger

REAL = None
STATUS_WITHOUT_MARK = "Name:\tpython3\nPid:\t7\n"


def wait_for_sampler(bound: int, peak: highwater.Peak) -> None:
    """Waits until the thread has seen so much growth; the test's own deadline is a minute."""
    deadline = time.monotonic() + 60
    while (peak._most_kib or 0) - (peak._start_kib or 0) < bound // 1024:
        if time.monotonic() > deadline:
            raise AssertionError(f"the sampler saw nothing: {peak!r}")
        time.sleep(0.001)


class FallbackTests(unittest.TestCase):
    """A folder of this process in which something is missing."""

    def raise_mark(self) -> None:
        """Makes the mark so high that nothing below reaches it."""
        memory().spike(128 * MIB)

    def check_sampled(self, files: "dict[str, Optional[str]]") -> None:
        self.raise_mark()
        with procfs(files):
            with highwater.peak("sampled") as peak:
                piece = memory().take(32 * MIB)
                wait_for_sampler(32 * MIB - tolerance_bytes(), peak)
                memory().give(piece)
            self.assertEqual((peak.method, peak.is_exact), ("sampled", False))
            self.assertAlmostEqual(peak.growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())
            self.assertTrue(str(peak).endswith(", sampled"))

    def test_it_samples_where_clear_refs_is_missing(self) -> None:
        self.check_sampled({"status": REAL, "statm": REAL})

    def test_it_samples_where_the_mark_does_not_fall_after_a_reset(self) -> None:
        # A plain file takes the 5, and nothing follows from it.
        self.check_sampled({"status": REAL, "statm": REAL, "clear_refs": ""})

    def test_it_samples_where_there_is_no_mark(self) -> None:
        self.check_sampled({"status": STATUS_WITHOUT_MARK, "statm": REAL, "clear_refs": REAL})

    def test_it_samples_where_there_is_no_status(self) -> None:
        self.check_sampled({"statm": REAL})

    def test_the_mark_is_tried_once_only_where_it_does_not_fall(self) -> None:
        self.raise_mark()
        with procfs({"status": REAL, "statm": REAL, "clear_refs": ""}) as folder:
            for _ in range(3):
                with highwater.peak("sampled"):
                    pass
            with open(os.path.join(folder, "clear_refs")) as file:
                self.assertEqual(file.read(), "5")

    @needs_mark
    def test_a_mark_that_cannot_be_reset_is_exact_all_the_same_once_it_has_risen(self) -> None:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        with procfs({"status": REAL, "statm": REAL}):
            with highwater.peak("risen") as outer:
                memory().spike(64 * MIB)
                with highwater.peak("below") as below:
                    memory().spike(16 * MIB)
        self.assertEqual((outer.method, outer.is_exact), ("mark", True))
        self.assertAlmostEqual(outer.growth_bytes or 0, 64 * MIB, delta=tolerance_bytes())
        self.assertEqual((below.method, below.is_exact), ("sampled", False))

    @needs_mark
    def test_what_is_open_stays_exact_when_later_resets_fail(self) -> None:
        self.raise_mark()
        with procfs({"status": REAL, "statm": REAL, "clear_refs": REAL}) as folder:
            with highwater.peak("outer") as outer:
                os.rename(f"{folder}/clear_refs", f"{folder}/away")
                _ledger.current()._memory._clear_refs.close()
                memory().spike(32 * MIB)
                with highwater.peak("inner") as inner:
                    memory().spike(16 * MIB)
                os.rename(f"{folder}/away", f"{folder}/clear_refs")
                with highwater.peak("last") as last:
                    memory().spike(8 * MIB)
        self.assertEqual([outer.method, inner.method, last.method], ["mark", "sampled", "mark"])
        self.assertAlmostEqual(outer.growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())
        self.assertAlmostEqual(last.growth_bytes or 0, 8 * MIB, delta=tolerance_bytes())

    def test_figures_are_unknown_and_not_zero_where_nothing_can_be_read(self) -> None:
        with procfs({}):
            with highwater.peak("unknown") as peak:
                pass
            figures = (peak.peak_bytes, peak.growth_bytes, peak.start_bytes, peak.end_bytes)
            self.assertEqual(figures, (None, None, None, None))
            self.assertEqual((peak.method, peak.is_exact), ("none", False))
            self.assertIn("not known", str(peak))
            self.assertIsNone(highwater.run_peak())
            monitor = highwater.monitor().start()
            self.assertIsNone(monitor.stop())

    def test_figures_are_unknown_where_the_files_say_nonsense(self) -> None:
        nonsense = {
            "status": "VmHWM:\nVmHWM: x kB\n",
            "statm": "x",
            "stat": "1 (",
            "clear_refs": "",
        }
        for files in (nonsense, dict.fromkeys(nonsense, "")):
            with procfs(dict(files)):
                with highwater.peak("unknown") as peak:
                    pass
                self.assertEqual((peak.peak_bytes, peak.method), (None, "none"))

    def test_a_status_with_thousands_of_groups_is_read_to_its_mark(self) -> None:
        text = "Name:\tpython3\nPid:\t7\nGroups:\t" + "1234567 " * 9000 + "\n"
        with procfs({"status": text + "VmHWM:\t  30720 kB\nVmRSS:\t  20480 kB\n", "statm": REAL}):
            self.assertEqual(_ledger.current()._memory.read(), (30720, 20480))

    def test_the_thread_ends_when_nothing_is_left_to_sample_and_comes_back(self) -> None:
        self.raise_mark()
        with procfs({"status": REAL, "statm": REAL}):
            sampler = _ledger.current()._sampler
            for _ in range(2):
                with highwater.peak("sampled"):
                    thread = sampler._thread
                    assert thread is not None
                    self.assertTrue(thread.is_alive())
                thread.join(60)
                self.assertFalse(thread.is_alive())
                self.assertIsNone(sampler._thread)

    def test_without_a_thread_the_ends_of_the_section_have_to_do(self) -> None:
        self.raise_mark()
        refused = mock.patch.object(threading.Thread, "start", side_effect=RuntimeError)
        with refused, procfs({"status": REAL, "statm": REAL}):
            with highwater.peak("ends") as peak:
                piece = memory().take(16 * MIB)
            memory().give(piece)
            monitor = highwater.monitor().start()
            piece = memory().take(16 * MIB)
            at_stop = monitor.stop()
            memory().give(piece)
        self.assertEqual(peak.method, "sampled")
        self.assertAlmostEqual(peak.growth_bytes or 0, 16 * MIB, delta=tolerance_bytes())
        self.assertGreater(at_stop or 0, 16 * MIB)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_process_that_gave_up_its_rights_samples(self) -> None:
        def work() -> str:
            # Whoever changes its user may no longer open its own clear_refs: root owns it then.
            os.setgroups([])
            os.setuid(65534)
            memory().spike(64 * MIB)
            with highwater.peak("as nobody") as peak:
                memory().spike(16 * MIB)
            return peak.method

        memory()
        self.assertEqual(in_child(work), "sampled")


if __name__ == "__main__":
    unittest.main()
