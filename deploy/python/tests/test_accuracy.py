"""Each section says what the C code took in it: nested, in threads, in tasks, by a random order."""

import asyncio
import os
import queue
import random
import sys
import threading
import unittest
from typing import Dict, List

from harness import MIB, highwater, memory, needs_mark, tolerance_bytes
from schedule import Hand, Schedule, Step

Peaks = Dict[int, highwater.Peak]


@needs_mark
class AccuracyTests(unittest.TestCase):
    """The figures beside what was really taken; HIGHWATER_SEED repeats a run."""

    def setUp(self) -> None:
        self.seed = int(os.environ.get("HIGHWATER_SEED") or random.randrange(1 << 32))
        self.worst = 0

    def check(self, schedule: Schedule, peaks: Peaks) -> None:
        self.assertEqual(peaks.keys(), schedule.sections.keys())
        for number, expected in schedule.sections.items():
            peak = peaks[number]
            told = f"seed {self.seed}: {peak!r} has to grow by {expected.growth}"
            self.assertTrue(peak.is_exact, told)
            self.assertEqual(peak.method, "mark", told)
            self.assertEqual(peak.is_shared, expected.is_shared, told)
            self.assertIsNotNone(peak.growth_bytes, told)
            error = abs((peak.growth_bytes or 0) - expected.growth)
            self.assertLessEqual(error, tolerance_bytes(), told)
            self.worst = max(self.worst, error)

    def report(self, what: str, count: int) -> None:
        print(
            f"{what}: seed {self.seed}, {count} sections, at most {self.worst // 1024} KiB off, "
            f"{tolerance_bytes() // 1024} allowed",
            file=sys.stderr,
        )

    def test_nested_sections_of_one_thread_say_what_was_taken_in_each(self) -> None:
        count = 0
        for turn in range(8):
            schedule = Schedule(self.seed + turn, flows=1, steps=60)
            peaks: Peaks = {}
            run_nested(iter(schedule.steps), Hand(memory()), peaks)
            self.check(schedule, peaks)
            count += len(peaks)
        self.report("nested", count)

    def test_sections_of_threads_hold_what_any_thread_took_meanwhile(self) -> None:
        count = 0
        for turn in range(5):
            schedule = Schedule(self.seed + turn, flows=4, steps=80)
            peaks = run_threads(schedule)
            self.check(schedule, peaks)
            count += len(peaks)
        self.report("threads", count)

    def test_sections_of_tasks_hold_what_any_task_took_meanwhile(self) -> None:
        count = 0
        for turn in range(5):
            schedule = Schedule(self.seed + turn, flows=4, steps=80)
            peaks = asyncio.run(run_tasks(schedule))
            self.check(schedule, peaks)
            count += len(peaks)
        self.report("tasks", count)

    def test_threads_that_run_freely_stay_between_their_own_need_and_that_of_all(self) -> None:
        sizes = [random.Random(self.seed + i).randint(4, 24) * MIB for i in range(4)]
        found: List[List[highwater.Peak]] = [[] for _ in sizes]

        def work(index: int) -> None:
            for _ in range(15):
                with highwater.peak("free") as peak:
                    memory().spike(sizes[index])
                found[index].append(peak)

        memory()
        with highwater.peak("outer") as outer:
            threads = [threading.Thread(target=work, args=(i,)) for i in range(len(sizes))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        # Threads have stacks and arenas of their own.
        slack = tolerance_bytes() + 4 * MIB
        for size, peaks in zip(sizes, found):
            self.assertEqual(len(peaks), 15)
            for peak in peaks:
                told = f"seed {self.seed}: {peak!r} among {sizes}, outer {outer!r}"
                self.assertTrue(peak.is_exact, told)
                # Others may have held memory at its start, which its growth is not.
                self.assertGreaterEqual(
                    peak.peak_bytes or 0, (outer.start_bytes or 0) + size - slack, told
                )
                self.assertLessEqual(peak.peak_bytes or 0, outer.peak_bytes or 0, told)
        self.assertLessEqual(outer.growth_bytes or 0, sum(sizes) + slack)

    def test_a_large_section_does_not_make_the_next_one_large(self) -> None:
        with highwater.peak("big") as big:
            memory().spike(256 * MIB)
        with highwater.peak("small") as small:
            memory().spike(16 * MIB)
        self.assertAlmostEqual(big.growth_bytes or 0, 256 * MIB, delta=tolerance_bytes())
        self.assertAlmostEqual(small.growth_bytes or 0, 16 * MIB, delta=tolerance_bytes())
        self.assertGreaterEqual(highwater.run_peak() or 0, big.peak_bytes or 0)


def run_nested(steps: "object", hand: Hand, peaks: Peaks) -> None:
    """Carries out steps until the section that they are in ends."""
    for step in steps:  # type: ignore[attr-defined]
        if step.action == "exit":
            return
        if step.action == "enter":
            with highwater.peak(f"section {step.amount}") as peak:
                run_nested(steps, hand, peaks)
            peaks[step.amount] = peak
        else:
            hand.do(step)


class Turns:
    """The steps of one thread, handed over one by one; each is done before the next one comes."""

    def __init__(self) -> None:
        self.waiting: "queue.Queue[Step]" = queue.Queue()
        self.done: "queue.Queue[None]" = queue.Queue()
        self.is_first = True

    def __iter__(self) -> "Turns":
        return self

    def __next__(self) -> Step:
        if not self.is_first:
            self.done.put(None)
        self.is_first = False
        step = self.waiting.get()
        if step.action == "end":
            self.done.put(None)
            raise StopIteration
        return step


def run_threads(schedule: Schedule) -> Peaks:
    """Carries out a schedule, each flow of it by a thread, one step at a time."""
    peaks: Peaks = {}
    turns = [Turns() for _ in range(schedule.flows)]
    threads = [
        threading.Thread(target=run_nested, args=(turn, Hand(memory()), peaks)) for turn in turns
    ]
    for thread in threads:
        thread.start()
    ends = [Step(flow, "end", 0) for flow in range(schedule.flows)]
    for step in schedule.steps + ends:
        turns[step.flow].waiting.put(step)
        turns[step.flow].done.get()
    for thread in threads:
        thread.join()
    return peaks


async def run_tasks(schedule: Schedule) -> Peaks:
    """Carries out a schedule, each flow of it by a task, one step at a time."""
    peaks: Peaks = {}
    waiting: "List[asyncio.Queue[Step]]" = [asyncio.Queue() for _ in range(schedule.flows)]
    done: "asyncio.Queue[None]" = asyncio.Queue()

    async def flow(steps: "asyncio.Queue[Step]", hand: Hand) -> None:
        while True:
            step = await steps.get()
            if step.action in ("exit", "end"):
                return
            if step.action == "enter":
                async with highwater.peak(f"section {step.amount}") as peak:
                    done.put_nowait(None)
                    await flow(steps, hand)
                peaks[step.amount] = peak
            else:
                hand.do(step)
            done.put_nowait(None)

    tasks = [asyncio.ensure_future(flow(steps, Hand(memory()))) for steps in waiting]
    for step in schedule.steps:
        waiting[step.flow].put_nowait(step)
        await done.get()
    for steps in waiting:
        steps.put_nowait(Step(0, "end", 0))
    await asyncio.gather(*tasks)
    return peaks


if __name__ == "__main__":
    unittest.main()
