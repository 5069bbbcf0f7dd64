#!/usr/bin/env python3
"""What being watched by `memagent python` costs a Python program, and what the watching costs.

usage: benchmark_python.py [--bin DIR] [--pairs N] [--others N] [--python PROGRAM] [--folder DIR]
                           [--scale S] [--idle SECONDS]

Runs programs bare and watched, in an order that changes from round to round, by looks alone and
with page-fault samples; in some rounds also under tracemalloc and memray. Prints the median of the
ratios to the bare run of the same round with a 95 % bound (of the median, by ranks: no distribution
is assumed), of elapsed time and of the program's processor time, and the watcher's share of a
processor by the kernel's own count: while objects are made, while memory grows as fast as it can,
and while nothing happens. Wants an idle machine and a release build (swift build -c release
--product memagent). memray, pandas and scikit-learn come from PyPI into a virtual environment in
`--folder`.
"""

import argparse
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

from python_watching import HERE, Failure, Waiting, Watcher, environment

PROGRAMS = ["objects", "frames"]
BUDGET = 1.03
# Shares of a processor: by samples while memory grows as fast as it can; by looks alone, beyond what
# they may have saved up; and while nothing happens.
GROWING_BUDGET = 0.03
LOOKING_BUDGET, SAVED_SECONDS = 0.002, 0.02
IDLE_BUDGET = 0.002
WATCHED = {"looks": "off", "samples": "auto"}


def bare(options, name, before=()):
    program = Waiting(options.python, name, options.scale, before)
    times = program.go()
    program.end()
    return times


def watched(options, name, way):
    """The times of the work, the watcher's share of a processor, and what it found."""
    program = Waiting(options.python, name, options.scale)
    watcher = Watcher(options.bin, program.pid, WATCHED[way])
    before, begin = watcher.processor_seconds(), time.perf_counter()
    times = program.go()
    share = (watcher.processor_seconds() - before) / (time.perf_counter() - begin)
    program.end()
    return times, share, watcher.found()


def idle_share(options, way):
    """The watcher's share of a processor while the program waits."""
    program = Waiting(options.python, "objects", options.scale)
    watcher = Watcher(options.bin, program.pid, WATCHED[way])
    before = watcher.processor_seconds()
    time.sleep(options.idle)
    share = (watcher.processor_seconds() - before) / options.idle
    watcher.stop()
    program.end()
    return share


def bounds(values):
    """The ranks between which the median lies with 95 % (by the binomial distribution)."""
    ordered, count = sorted(values), len(values)
    below, tail = 0, 0.0
    while below < count // 2:
        tail += math.comb(count, below) / 2**count
        if tail > 0.025:
            break
        below += 1
    if below == 0:
        return ordered[0], ordered[-1]
    return ordered[below - 1], ordered[count - below]


class Ratios:
    """What one way of watching cost, round by round."""

    def __init__(self, way):
        self.way = way
        self.elapsed, self.used, self.shares, self.found = [], [], [], []

    def take(self, times, alone):
        self.elapsed.append(times[0] / alone[0])
        self.used.append(times[1] / alone[1])

    def text(self):
        parts = [f"  {self.way:12} {len(self.elapsed):3} pairs"]
        for what, values in [("elapsed", self.elapsed), ("processor", self.used)]:
            low, high = bounds(values)
            parts.append(f"{what} {statistics.median(values):.3f} [{low:.3f} to {high:.3f}]")
        if self.shares:
            parts.append(f"watcher {100 * statistics.median(self.shares):.2f} % of a processor, "
                         f"at most {100 * max(self.shares):.2f} %")
        return "; ".join(parts)


def measure(options, name, folder):
    """The rounds of one program; whether the budget of time is kept."""
    others = {
        "tracemalloc": ["-X", "tracemalloc=1"],
        "memray": ["-m", "memray", "run", "--quiet", "--force", "--output", f"{folder}/capture"],
    }
    ratios = {way: Ratios(way) for way in [*WATCHED, *others]}
    alone = []
    for number in range(options.pairs):
        ways = [None, *WATCHED] + ([*others] if number < options.others else [])
        random.shuffle(ways)
        times = {}
        for way in ways:
            if way in WATCHED:
                times[way], share, found = watched(options, name, way)
                ratios[way].shares.append(share)
                ratios[way].found.append(found)
            else:
                times[way] = bare(options, name, others.get(way, ()))
        alone.append(times.pop(None))
        for way, taken in times.items():
            ratios[way].take(taken, alone[-1])
        shown = ", ".join(f"{way} {taken[0] / alone[-1][0]:.3f}" for way, taken in times.items())
        print(f"{name} {number + 1:2}: bare {alone[-1][0]:.2f} s, {shown}, load "
              f"{os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    grown = statistics.median(f["grown_bytes"] for f in ratios["samples"].found) / 2**20
    print(f"\n{name}.py: {statistics.median(a[0] for a in alone):.2f} s bare, grew {grown:.0f} MiB")
    for way in ratios.values():
        if way.elapsed:
            print(way.text())
    for way in WATCHED:
        found = ratios[way].found
        count = {key: sum(f["coverage"][key] for f in found)
                 for key in ["stacks_read", "stacks_not_readable", "fault_samples"]}
        print(f"  {way}: {count['stacks_read']} stacks read, {count['stacks_not_readable']} not "
              f"readable, {count['fault_samples']} samples; method {found[-1]['method']}")
    high = max(bounds(ratios[way].elapsed)[1] for way in WATCHED)
    print(f"  upper bound of elapsed {high:.3f}, budget {BUDGET}: "
          f"{'kept' if high <= BUDGET else 'NOT kept'}", flush=True)
    return high <= BUDGET


def measure_watcher(options):
    """What the watching takes, at the most and at the least; whether its budgets are kept."""
    print("\nThe watcher's share of a processor")
    is_kept = True
    for way in WATCHED:
        (seconds, _), share, found = watched(options, "fastest", way)
        speed = found["grown_bytes"] / 2**20 / seconds
        idle = idle_share(options, way)
        most = GROWING_BUDGET if way == "samples" else LOOKING_BUDGET + SAVED_SECONDS / seconds
        verdict = "kept" if share <= most and idle <= IDLE_BUDGET else "NOT kept"
        is_kept = is_kept and verdict == "kept"
        print(f"  {way:8} {100 * share:.2f} % while memory grows at {speed:.0f} MiB/s for "
              f"{seconds:.1f} s (budget {100 * most:.2f}), {100 * idle:.3f} % while nothing "
              f"happens (budget {100 * IDLE_BUDGET:.1f}): {verdict}", flush=True)
    return is_kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / ".build/release")
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--others", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--folder", help="where the virtual environment is; a temporary one else")
    parser.add_argument("--scale", type=float, default=2.0)
    parser.add_argument("--idle", type=float, default=20.0)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="highwater-cost-") as folder:
            options.python = environment(
                options.folder or folder + "/venv", options.python,
                ["memray", "pandas", "scikit-learn"])
            load = os.getloadavg()[0]
            version = subprocess.run(
                [str(options.python), "--version"], check=True, stdout=subprocess.PIPE, text=True)
            is_kept = [measure(options, name, folder) for name in PROGRAMS]
            is_kept.append(measure_watcher(options))
            print(f"\n{version.stdout.strip()}, {os.cpu_count()} processors, load {load:.1f} at "
                  f"the beginning and {os.getloadavg()[0]:.1f} at the end")
            return 0 if all(is_kept) else 1
    except (Failure, OSError, subprocess.CalledProcessError) as problem:
        print(f"benchmark_python.py: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
