"""Blocks: what passes through, what is kept, what goes wrong."""

import contextlib
import gc
import io
import threading
import unittest
from typing import Iterator, List
from unittest import mock

from harness import MIB, highwater, memory, needs_mark, python, tolerance_bytes
from highwater import _kernel, _ledger


class Wrong(Exception):
    """What the tests raise."""


class BlockTests(unittest.TestCase):
    """`with highwater.peak(...)`."""

    @needs_mark
    def test_an_exception_passes_through_and_the_figure_is_taken(self) -> None:
        with self.assertRaises(Wrong) as raised:
            with highwater.peak("fails") as peak:
                memory().spike(32 * MIB)
                raise Wrong("as it was")
        self.assertEqual(str(raised.exception), "as it was")
        self.assertIsNone(raised.exception.__context__)
        self.assertAlmostEqual(peak.growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())
        self.assertIsNotNone(peak.end_bytes)

    @needs_mark
    def test_figures_are_those_so_far_while_the_block_runs_and_stand_after_it(self) -> None:
        with highwater.peak("live") as peak:
            self.assertIsNone(peak.end_bytes)
            self.assertLess(peak.growth_bytes or 0, tolerance_bytes())
            memory().spike(32 * MIB)
            self.assertGreater(peak.growth_bytes or 0, 32 * MIB - tolerance_bytes())
            self.assertIn("so far", str(peak))
            seconds = peak.seconds
        final = peak.growth_bytes, peak.seconds, str(peak)
        self.assertGreaterEqual(peak.seconds, seconds)
        memory().spike(64 * MIB)
        self.assertEqual((peak.growth_bytes, peak.seconds, str(peak)), final)
        self.assertNotIn("so far", str(peak))

    def test_a_block_without_a_name_is_called_by_its_place(self) -> None:
        with highwater.peak() as peak:
            pass
        self.assertRegex(peak.name, r"^test_sections\.py:\d+$")
        with highwater.peak("") as peak:
            pass
        self.assertRegex(peak.name, r"^test_sections\.py:\d+$")

    def test_only_text_is_a_name(self) -> None:
        with highwater.peak(b"\xff bytes") as peak:
            pass
        self.assertEqual(peak.name, "\udcff bytes")
        with self.assertRaises(TypeError):
            highwater.peak(7)  # type: ignore[call-overload]

    @needs_mark
    def test_one_section_object_may_be_entered_again_and_within_itself(self) -> None:
        section = highwater.peak("again")
        with section as outer:
            with section as inner:
                memory().spike(16 * MIB)
            memory().spike(32 * MIB)
        with section as third:
            pass
        self.assertAlmostEqual(inner.growth_bytes or 0, 16 * MIB, delta=tolerance_bytes())
        self.assertAlmostEqual(outer.growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())
        self.assertLess(third.growth_bytes or 0, tolerance_bytes())

    def test_one_section_object_serves_several_threads(self) -> None:
        section = highwater.peak("threads")
        second_is_over = threading.Event()
        found: List[bool] = []

        def second() -> None:
            with section as peak:
                pass
            found.append(peak.end_bytes is not None and peak.is_shared)
            second_is_over.set()

        with section as first:
            thread = threading.Thread(target=second)
            thread.start()
            second_is_over.wait(60)
            found.append(first.end_bytes is None)
        thread.join()
        self.assertEqual(found, [True, True])
        self.assertIsNotNone(first.end_bytes)

    def test_a_section_is_never_larger_than_the_one_around_it(self) -> None:
        resident = _kernel.OwnMemory.resident

        def a_little_more(memory: _kernel.OwnMemory) -> int:
            # As where the quick sum, which the mark is kept by, lacks some pages.
            return (resident(memory) or 0) + 4096

        with highwater.peak("outer") as outer:
            with mock.patch.object(_kernel.OwnMemory, "resident", a_little_more):
                with highwater.peak("inner") as inner:
                    pass
        self.assertLessEqual(inner.peak_bytes or 0, outer.peak_bytes or 0)

    def test_an_exit_without_an_entry_does_nothing(self) -> None:
        highwater.peak("never entered").__exit__(None, None, None)

    def test_sections_that_are_nested_do_not_share_and_those_of_threads_do(self) -> None:
        inner: List[highwater.Peak] = []

        def work() -> None:
            with highwater.peak("thread") as peak:
                inner.append(peak)

        with highwater.peak("outer") as outer:
            with highwater.peak("nested") as nested:
                pass
            self.assertFalse(outer.is_shared)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        self.assertFalse(nested.is_shared)
        self.assertTrue(outer.is_shared)
        self.assertTrue(inner[0].is_shared)

    def test_what_report_gets_is_final_and_what_it_raises_passes_through(self) -> None:
        peaks: List[highwater.Peak] = []
        with highwater.peak("told", report=peaks.append) as peak:
            self.assertEqual(peaks, [])
        self.assertEqual(peaks, [peak])
        self.assertIsNotNone(peak.end_bytes)
        with self.assertRaises(ZeroDivisionError):
            with highwater.peak("told", report=lambda peak: 1 // 0):
                pass

    def test_nothing_is_printed_unless_asked(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            with contextlib.redirect_stderr(output):
                with highwater.peak("quiet"):
                    pass
                self.assertEqual(output.getvalue(), "")
                with highwater.peak("loud", report=print):
                    pass
        self.assertRegex(output.getvalue(), r"^loud: peak .* MiB \(\+\d+ KiB\) in \d.* us|ms")

    def test_a_fault_of_the_measurement_leaves_figures_unknown_and_the_program_alone(self) -> None:
        for broken in ("begin", "end"):
            with mock.patch.object(_ledger.Ledger, broken, side_effect=RuntimeError("ours")):
                with highwater.peak("unmeasured") as peak:
                    value = 7
                self.assertEqual(value, 7)
                self.assertIn("unmeasured: peak", str(peak))
                self.assertIn("<Peak 'unmeasured'", repr(peak))
            self.assertEqual(list(_ledger.current().open), [])

    def test_an_interrupt_at_the_entry_goes_on_and_leaves_no_section_open(self) -> None:
        with mock.patch.object(_kernel, "boot_nanoseconds", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                highwater.peak("interrupted").__enter__()
        self.assertEqual(list(_ledger.current().open), [])

    def test_a_signal_may_open_a_section_while_another_one_is_opened(self) -> None:
        code = """if True:
            import highwater, signal, sys
            from highwater import _kernel, _ledger
            seen = []
            raised = []
            def handler(number, frame):
                with highwater.peak("handler") as peak:
                    bytearray(8 << 20)
                seen.append(peak)
            signal.signal(signal.SIGUSR1, handler)
            reset = _ledger.Ledger._reset
            def interrupted(self, *arguments):
                if not raised:
                    raised.append(True)
                    signal.raise_signal(signal.SIGUSR1)
                return reset(self, *arguments)
            _ledger.Ledger._reset = interrupted
            with highwater.peak("outer") as outer:
                pass
            print(len(seen), seen[0].method, outer.method)
        """
        self.assertRegex(python(code), r"^1 (mark mark|sampled sampled)\n$")

    def test_a_generator_that_is_collected_ends_its_section(self) -> None:
        def numbers() -> Iterator[int]:
            with highwater.peak("within"):
                yield 1
                yield 2

        started = numbers()
        next(started)
        self.assertEqual(len(_ledger.current().open), 1)
        del started
        gc.collect()
        self.assertEqual(len(_ledger.current().open), 0)

    def test_more_open_sections_than_there_is_room_for_are_measured_at_their_ends(self) -> None:
        with mock.patch.object(_ledger, "_MOST_OPEN", 2):
            with highwater.peak("1"), highwater.peak("2"), highwater.peak("3") as third:
                piece = memory().take(16 * MIB)
            memory().give(piece)
        self.assertEqual((third.method, third.is_exact), ("sampled", False))
        self.assertAlmostEqual(third.growth_bytes or 0, 16 * MIB, delta=tolerance_bytes())

    @needs_mark
    def test_a_reset_by_someone_else_takes_exactness_away(self) -> None:
        with highwater.peak("disturbed") as outer:
            piece = memory().take(64 * MIB)
            with highwater.peak("inner"):
                pass
            memory().give(piece)
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")
        self.assertAlmostEqual(outer.growth_bytes or 0, 64 * MIB, delta=tolerance_bytes())
        self.assertFalse(outer.is_exact)
        self.assertIn("another program", str(outer))

    @needs_mark
    def test_descriptors_that_the_program_closes_are_opened_again_and_never_taken(self) -> None:
        code = """if True:
            import highwater, os, tempfile
            with highwater.peak("before"):
                pass
            os.closerange(3, 256)
            files = [tempfile.TemporaryFile() for _ in range(20)]
            with highwater.peak("after") as peak:
                bytearray(32 << 20)
            print(peak.is_exact, peak.growth_bytes > 30 << 20,
                  [file.seek(0, 2) for file in files] == [0] * 20)
        """
        self.assertEqual(python(code), "True True True\n")


if __name__ == "__main__":
    unittest.main()
