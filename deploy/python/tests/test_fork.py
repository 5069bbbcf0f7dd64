"""A forked child begins anew, whatever its parent was measuring."""

import json
import multiprocessing
import os
import threading
import unittest
from typing import List
from unittest import mock

from harness import MIB, Listener, highwater, in_child, memory, needs_mark, tolerance_bytes
from highwater import _ledger


def spike_in_worker(size: int) -> "tuple[int, bool]":
    """What a worker process measures."""
    with highwater.peak("worker") as peak:
        memory().spike(size)
    return peak.growth_bytes or 0, peak.is_exact


class ForkTests(unittest.TestCase):
    """`os.fork` and what is built on it."""

    @needs_mark
    def test_a_child_measures_itself_and_the_parent_goes_on(self) -> None:
        def work() -> str:
            with highwater.peak("child") as peak:
                memory().spike(16 * MIB)
            return json.dumps([peak.growth_bytes, peak.is_exact, peak.is_shared])

        with highwater.peak("parent") as parent:
            memory().spike(64 * MIB)
            growth, is_exact, is_shared = json.loads(in_child(work))
        self.assertAlmostEqual(growth, 16 * MIB, delta=tolerance_bytes())
        self.assertEqual((is_exact, is_shared), (True, False))
        self.assertAlmostEqual(parent.growth_bytes or 0, 64 * MIB, delta=tolerance_bytes())
        self.assertTrue(parent.is_exact)

    @needs_mark
    def test_a_block_that_a_child_leaves_has_its_own_memory_and_the_parents_is_untouched(
        self,
    ) -> None:
        with Listener() as listener:
            reading, writing = os.pipe()
            with highwater.peak("both") as peak:
                held = memory().take(64 * MIB)
                memory().give(held)
                child = os.fork()
                if child == 0:
                    memory().spike(16 * MIB)
            if child == 0:
                grown = (peak.peak_bytes or 0) - (peak.start_bytes or 0)
                os.write(writing, json.dumps([grown, peak.method]).encode())
                os._exit(0)
            os.waitpid(child, 0)
            growth, method = json.loads(os.read(reading, 4096))
            os.close(reading)
            os.close(writing)
            sent = [json.loads(data) for data in listener.datagrams()]
        # The child's mark begins with what it had at the fork.
        self.assertLess(growth, 16 * MIB + 8 * MIB)
        self.assertEqual(method, "mark")
        self.assertAlmostEqual(peak.growth_bytes or 0, 64 * MIB, delta=tolerance_bytes())
        sections = [message for message in sent if message["kind"] == "section"]
        self.assertEqual([message["pid"] for message in sections], [os.getpid()])

    def test_a_childs_lifetime_begins_at_the_fork(self) -> None:
        memory().spike(256 * MIB)
        parents = highwater.run_peak() or 0
        childs = int(in_child(highwater.run_peak))
        self.assertLess(childs, parents - 128 * MIB)

    def test_a_fork_while_another_thread_measures_leaves_no_lock_held(self) -> None:
        stop = threading.Event()

        def measure() -> None:
            while not stop.is_set():
                with highwater.peak("busy"):
                    pass

        threads = [threading.Thread(target=measure) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                self.assertEqual(in_child(lambda: spike_in_worker(MIB)[0] >= 0), "True")
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_a_fork_within_the_modules_own_work_leaves_no_lock_held(self) -> None:
        with _ledger.current().lock:
            held: List[str] = []
            thread = threading.Thread(
                target=lambda: held.append(in_child(lambda: spike_in_worker(MIB)[0] >= 0))
            )
            thread.start()
            thread.join(60)
        self.assertEqual(held, ["True"])

    def test_a_fork_that_python_is_not_told_of_is_noticed(self) -> None:
        begin = _ledger.current()
        begin.process_id -= 1
        self.assertIsNot(_ledger.current(), begin)

    def test_a_child_with_its_parents_number_begins_anew(self) -> None:
        # The first process of a pid namespace has number 1, and so may its parent have in its own.
        number = os.getpid()
        parents = _ledger.current()
        with mock.patch.object(os, "getpid", return_value=number):
            self.assertEqual(in_child(lambda: _ledger.current() is parents), "False")

    def test_children_of_children_keep_no_descriptors(self) -> None:
        def count() -> int:
            with highwater.peak("count"):
                pass
            return len(os.listdir("/proc/self/fd"))

        first = count()

        def grandchild() -> str:
            count()
            return in_child(count)

        # One more for the pipe of each generation.
        self.assertLessEqual(int(in_child(grandchild)), first + 2)

    @needs_mark
    def test_workers_of_a_pool_measure_themselves(self) -> None:
        memory()
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                found = pool.map(spike_in_worker, [8 * MIB, 16 * MIB])
            for (growth, is_exact), size in zip(found, (8 * MIB, 16 * MIB)):
                self.assertTrue(is_exact)
                # A worker that was spawned compiles and loads the C code within its section.
                slack = 8 * MIB if method == "spawn" else 0
                self.assertGreaterEqual(growth, size - tolerance_bytes())
                self.assertLessEqual(growth, size + tolerance_bytes() + slack)


if __name__ == "__main__":
    unittest.main()
