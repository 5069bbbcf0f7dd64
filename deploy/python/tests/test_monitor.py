"""`monitor` and `run_peak`."""

import json
import threading
import time
import unittest

from harness import MIB, highwater, in_child, memory, needs_mark, tolerance_bytes


def wait_until_seen(monitor: highwater.Monitor, least: int) -> None:
    """Waits until a look has seen so much; the test's own deadline is a minute."""
    deadline = time.monotonic() + 60
    while (monitor.maximum or 0) < least:
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing was seen: {monitor.maximum}")
        time.sleep(0.001)


class MonitorTests(unittest.TestCase):
    """Start, stop, maximum."""

    def test_the_maximum_is_the_most_that_a_look_saw(self) -> None:
        monitor = highwater.monitor(interval=0.005)
        self.assertIsNone(monitor.maximum)
        self.assertIs(monitor.start(), monitor)
        start = monitor.maximum or 0
        piece = memory().take(64 * MIB)
        wait_until_seen(monitor, start + 64 * MIB - tolerance_bytes())
        memory().give(piece)
        maximum = monitor.stop()
        self.assertAlmostEqual((maximum or 0) - start, 64 * MIB, delta=tolerance_bytes())
        self.assertEqual((monitor.maximum, monitor.stop()), (maximum, maximum))

    def test_a_second_start_is_of_another_stretch(self) -> None:
        monitor = highwater.monitor(interval=0.005)
        piece = memory().take(64 * MIB)
        monitor.start()
        monitor.start()
        first = monitor.stop() or 0
        memory().give(piece)
        with monitor:
            pass
        self.assertLess(monitor.maximum or 0, first - 32 * MIB)

    def test_the_looks_at_start_and_stop_count(self) -> None:
        monitor = highwater.monitor(interval=3600)
        start = monitor.start().maximum or 0
        piece = memory().take(64 * MIB)
        maximum = monitor.stop() or 0
        memory().give(piece)
        self.assertAlmostEqual(maximum - start, 64 * MIB, delta=tolerance_bytes())

    def test_no_thread_is_left_also_after_an_exception(self) -> None:
        before = threading.active_count()
        with self.assertRaises(ValueError):
            with highwater.monitor():
                raise ValueError
        self.assertEqual(threading.active_count(), before)

    def test_an_interval_that_is_no_time_is_refused(self) -> None:
        for interval in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                highwater.monitor(interval)

    def test_a_child_may_stop_what_its_parent_started(self) -> None:
        with highwater.monitor() as monitor:
            self.assertGreater(int(in_child(monitor.stop)), 0)


class RunPeakTests(unittest.TestCase):
    """The most of the process's life."""

    @needs_mark
    def test_it_keeps_what_sections_reset(self) -> None:
        def work() -> str:
            memory().spike(128 * MIB)
            before = highwater.run_peak() or 0
            for _ in range(3):
                with highwater.peak("small"):
                    memory().spike(MIB)
            after = highwater.run_peak() or 0
            memory().spike(256 * MIB)
            return json.dumps([before, after, highwater.run_peak()])

        memory()
        before, after, last = json.loads(in_child(work))
        self.assertEqual(after, before)
        # A child maps the pages of libraries anew as it comes to them: some MiB.
        self.assertAlmostEqual(last - before, 128 * MIB, delta=tolerance_bytes() + 8 * MIB)

    def test_it_is_the_kernels_mark_where_nothing_was_reset(self) -> None:
        def work() -> str:
            memory().spike(64 * MIB)
            with open("/proc/self/status") as file:
                (mark,) = [line.split()[1] for line in file if line.startswith("VmHWM:")]
            return json.dumps([int(mark) * 1024, highwater.run_peak()])

        memory()
        mark, run_peak = json.loads(in_child(work))
        self.assertAlmostEqual(run_peak, mark, delta=tolerance_bytes())


if __name__ == "__main__":
    unittest.main()
