"""Functions and tasks: what is kept of them and what is refused; and what people read."""

import asyncio
import contextlib
import functools
import inspect
import unittest
import warnings
from typing import Any, AsyncIterator, Iterator, List

from harness import MIB, highwater, memory, needs_mark, tolerance_bytes
from highwater import _ledger, _section
from highwater._peak import duration_text, size_text


class Wrong(Exception):
    """What the tests raise."""


class FunctionTests(unittest.TestCase):
    """`@highwater.peak(...)`."""

    def test_a_function_keeps_its_name_its_text_its_arguments_and_its_value(self) -> None:
        @highwater.peak("named")
        def add(left: int, right: int = 2) -> int:
            """Adds."""
            return left + right

        self.assertEqual((add.__name__, add.__doc__), ("add", "Adds."))
        self.assertEqual(add.__annotations__["right"], int)
        self.assertEqual((add(1), add(1, right=5)), (3, 6))

    @needs_mark
    def test_each_call_is_a_section_of_its_own_also_when_a_function_calls_itself(self) -> None:
        peaks: List[highwater.Peak] = []

        @highwater.peak(report=peaks.append)
        def down(depth: int) -> None:
            memory().spike(depth * 16 * MIB)
            if depth > 1:
                down(depth - 1)

        down(3)
        self.assertEqual(len(peaks), 3)
        self.assertTrue(peaks[0].name.endswith("<locals>.down"))
        for peak, depth in zip(peaks, (1, 2, 3)):
            self.assertAlmostEqual(
                peak.growth_bytes or 0, depth * 16 * MIB, delta=tolerance_bytes()
            )
            self.assertFalse(peak.is_shared)

    def test_without_brackets_it_is_a_decorator_too(self) -> None:
        @highwater.peak
        def plain() -> int:
            return 5

        self.assertEqual((plain(), plain.__name__), (5, "plain"))

    def test_methods_static_ones_and_those_of_classes_are_measured(self) -> None:
        peaks: List[highwater.Peak] = []

        class Thing:
            """Has one of each."""

            @highwater.peak("method", report=peaks.append)
            def method(self) -> str:
                return "method"

            @highwater.peak("static", report=peaks.append)
            @staticmethod
            def static() -> str:
                return "static"

            @highwater.peak("class", report=peaks.append)
            @classmethod
            def of_class(cls) -> str:
                return cls.__name__

        self.assertEqual(
            (Thing().method(), Thing.static(), Thing.of_class()), ("method", "static", "Thing")
        )
        self.assertEqual([peak.name for peak in peaks], ["method", "static", "class"])

    def test_a_partial_function_is_measured(self) -> None:
        self.assertEqual(highwater.peak(functools.partial(pow, 2))(3), 8)

    def test_an_exception_passes_through_a_function(self) -> None:
        peaks: List[highwater.Peak] = []

        @highwater.peak(report=peaks.append)
        def fails() -> None:
            raise Wrong

        with self.assertRaises(Wrong):
            fails()
        self.assertEqual(len(peaks), 1)

    def test_generators_and_classes_are_refused_when_they_are_decorated(self) -> None:
        def generator() -> Iterator[int]:
            yield 1

        async def async_generator() -> AsyncIterator[int]:
            yield 1

        class Generates:
            """Is called for a generator."""

            def __call__(self) -> Iterator[int]:
                yield 1

        class GeneratesAsync:
            """Is called for an async one."""

            async def __call__(self) -> AsyncIterator[int]:
                yield 1

        objects = (Generates(), functools.partial(Generates()), GeneratesAsync())
        for refused in (generator, async_generator, *objects, int, Wrong, 7):
            with self.assertRaises(TypeError):
                highwater.peak("refused")(refused)  # type: ignore[type-var]

    @needs_mark
    def test_a_call_that_gives_what_goes_on_is_never_exact(self) -> None:
        peaks: List[highwater.Peak] = []
        measured = highwater.peak("call", report=peaks.append)

        def gives_generator() -> Iterator[int]:
            return (memory().spike(MIB) or 1 for _ in range(2))

        def gives_async_generator() -> AsyncIterator[int]:
            async def generator() -> AsyncIterator[int]:
                yield 1

            return generator()

        @contextlib.contextmanager
        def manager() -> Iterator[int]:
            memory().spike(MIB)
            yield 1

        def gives_future() -> "asyncio.Future[int]":
            loop = asyncio.new_event_loop()
            try:
                return loop.create_future()
            finally:
                loop.close()

        for function in (gives_generator, gives_async_generator, manager, gives_future):
            measured(function)()
            self.assertFalse(peaks[-1].is_exact, function)
            self.assertEqual(peaks[-1].method, "mark")
            self.assertTrue(str(peaks[-1]).endswith(", of the call alone: what it gave goes on"))

    @needs_mark
    def test_a_call_that_goes_through_a_generator_itself_is_exact(self) -> None:
        peaks: List[highwater.Peak] = []

        def generator() -> Iterator[int]:
            memory().spike(32 * MIB)
            yield 1

        @highwater.peak("all", report=peaks.append)
        @functools.wraps(generator)
        def everything() -> List[int]:
            return list(generator())

        self.assertEqual(everything(), [1])
        self.assertTrue(peaks[0].is_exact)
        self.assertAlmostEqual(peaks[0].growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())


class TaskTests(unittest.TestCase):
    """`async with`, and `async def` with the decorator."""

    @needs_mark
    def test_an_async_function_is_measured_until_it_is_done_and_stays_one(self) -> None:
        peaks: List[highwater.Peak] = []

        @highwater.peak("async", report=peaks.append)
        async def work(value: int) -> int:
            await asyncio.sleep(0)
            memory().spike(32 * MIB)
            return value

        self.assertTrue(inspect.iscoroutinefunction(work))
        self.assertEqual(asyncio.run(work(3)), 3)
        self.assertAlmostEqual(peaks[0].growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())

    @needs_mark
    def test_whatever_gives_a_coroutine_is_measured_until_that_is_done(self) -> None:
        peaks: List[highwater.Peak] = []
        measured = highwater.peak("any", report=peaks.append)

        async def work(value: int) -> int:
            await asyncio.sleep(0)
            memory().spike(32 * MIB)
            return value

        class Works:
            """Is called as an async function."""

            async def __call__(self, value: int) -> int:
                return await work(value)

        @functools.wraps(work)
        def plain(value: int) -> Any:
            return work(value)

        def bare(value: int) -> Any:
            return work(value)

        partial: Any = functools.partial(Works())
        for function in (Works(), partial, functools.partial(work), plain, bare):
            peaks.clear()
            self.assertEqual(asyncio.run(measured(function)(3)), 3)
            self.assertEqual(len(peaks), 1, function)
            self.assertTrue(peaks[0].is_exact)
            self.assertFalse(peaks[0].is_shared)
            self.assertAlmostEqual(peaks[0].growth_bytes or 0, 32 * MIB, delta=tolerance_bytes())
        self.assertTrue(inspect.iscoroutinefunction(measured(Works())))
        self.assertEqual(list(_ledger.current().open), [])
        self.assertEqual(_section._enclosing.get(), ())

    def test_a_plain_function_that_runs_an_async_one_stays_plain(self) -> None:
        async def work() -> int:
            return 4

        @highwater.peak("runs")
        @functools.wraps(work)
        def runs() -> int:
            return asyncio.run(work())

        self.assertEqual(runs(), 4)

    def test_a_coroutine_that_is_never_awaited_leaves_no_section_open(self) -> None:
        peaks: List[highwater.Peak] = []

        async def work() -> None:
            pass

        given = highwater.peak("never", report=peaks.append)(lambda: work())()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            del given
        self.assertEqual(peaks, [])
        self.assertEqual(list(_ledger.current().open), [])
        self.assertEqual(_section._enclosing.get(), ())

    def test_an_exception_of_a_coroutine_that_a_call_gave_passes_through(self) -> None:
        peaks: List[highwater.Peak] = []

        async def fails() -> None:
            raise Wrong

        with self.assertRaises(Wrong):
            asyncio.run(highwater.peak("fails", report=peaks.append)(lambda: fails())())
        self.assertEqual(len(peaks), 1)

    def test_tasks_that_overlap_share_and_a_task_is_part_of_the_section_that_made_it(self) -> None:
        async def main() -> List[highwater.Peak]:
            entered = asyncio.Event()

            async def first() -> highwater.Peak:
                async with highwater.peak("first") as peak:
                    entered.set()
                    await asyncio.sleep(0)
                return peak

            async def second() -> highwater.Peak:
                await entered.wait()
                async with highwater.peak("second") as peak:
                    pass
                return peak

            async def alone() -> highwater.Peak:
                async with highwater.peak("alone") as peak:
                    pass
                return peak

            async with highwater.peak("both") as both:
                pair = await asyncio.gather(first(), second())
            async with highwater.peak("one") as one:
                single = await asyncio.gather(alone())
            return [both, *pair, one, *single]

        both, first, second, one, single = asyncio.run(main())
        self.assertEqual([both.is_shared, first.is_shared, second.is_shared], [False, True, True])
        self.assertEqual([one.is_shared, single.is_shared], [False, False])

    def test_a_task_does_not_carry_sections_that_are_over(self) -> None:
        async def main() -> int:
            is_over = asyncio.Event()

            async def later() -> int:
                await is_over.wait()
                async with highwater.peak("later"):
                    return len(_section._enclosing.get())

            async with highwater.peak("over soon"):
                task = asyncio.ensure_future(later())
                await asyncio.sleep(0)
            is_over.set()
            return await task

        self.assertEqual(asyncio.run(main()), 1)

    def test_a_cancelled_task_ends_its_section(self) -> None:
        async def main() -> highwater.Peak:
            found: List[highwater.Peak] = []

            async def waits() -> None:
                async with highwater.peak("cancelled") as peak:
                    found.append(peak)
                    await asyncio.Event().wait()

            task = asyncio.ensure_future(waits())
            while not found:
                await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            return found[0]

        self.assertIsNotNone(asyncio.run(main()).end_bytes)
        self.assertEqual(list(_ledger.current().open), [])


class TextTests(unittest.TestCase):
    """What people read."""

    def peak(self, name: str, **figures: Any) -> highwater.Peak:
        peak = highwater.Peak(name)
        peak._base_kib = None
        peak._start_kib, peak._most_kib = 429 * 1024, 1241 * 1024
        peak._ended = 3_200_000_000
        for key, value in figures.items():
            setattr(peak, key, value)
        return peak

    def test_a_peak_reads_as_a_sentence(self) -> None:
        self.assertEqual(str(self.peak("load")), "load: peak 1.21 GiB (+812 MiB) in 3.2 s, exact")
        self.assertEqual(
            str(self.peak("load", _bound_kib=1 << 40, is_shared=True)),
            "load: peak 1.21 GiB (+812 MiB) in 3.2 s, sampled, beside other sections",
        )
        self.assertEqual(
            str(self.peak("load", _is_disturbed=True)),
            "load: peak 1.21 GiB (+812 MiB) in 3.2 s, at least: another program reset the mark",
        )
        self.assertEqual(str(self.peak("load", _most_kib=None)), "load: peak not known in 3.2 s")
        self.assertEqual(
            str(self.peak("load", _is_of_call=True)),
            "load: peak 1.21 GiB (+812 MiB) in 3.2 s, of the call alone: what it gave goes on",
        )

    def test_a_name_cannot_speak_to_the_terminal(self) -> None:
        self.assertEqual(
            str(self.peak("a\x1b[2J\nb\udcff ä")).partition(": peak")[0], "a\\x1b[2J\\nb\\udcff ä"
        )

    def test_sizes_have_three_digits(self) -> None:
        texts = [size_text(n) for n in (0, 4096, 999 << 10, 1000 << 10, 1 << 20, 10 << 20)]
        self.assertEqual(texts, ["0 KiB", "4 KiB", "999 KiB", "0.98 MiB", "1.00 MiB", "10.0 MiB"])
        texts = [size_text(n << 20) for n in (100, 999, 1000, 1 << 20, 5000 << 20)]
        self.assertEqual(texts, ["100 MiB", "999 MiB", "0.98 GiB", "1.00 TiB", "5000 TiB"])

    def test_lengths_of_time_have_the_unit_that_people_would_take(self) -> None:
        texts = [duration_text(s) for s in (0, 0.000014, 0.00123, 0.084, 0.9999, 3.21, 59.9)]
        self.assertEqual(texts, ["0 us", "14 us", "1.2 ms", "84 ms", "1.0 s", "3.2 s", "59.9 s"])
        texts = [duration_text(s) for s in (59.99, 125, 3599.6, 3720)]
        self.assertEqual(texts, ["1 min 0 s", "2 min 5 s", "1 h 0 min", "1 h 2 min"])


if __name__ == "__main__":
    unittest.main()
