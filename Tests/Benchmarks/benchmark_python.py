#!/usr/bin/env python3
"""What being watched by `memagent python` costs a Python program, and what the watching costs.

usage: benchmark_python.py [--bin DIR] [--pairs N] [--python PROGRAM] [--scale S] [--idle SECONDS]

Runs a program that makes, keeps and drops objects in pairs, once bare and once watched, in an order
that changes from pair to pair, and prints the median of the ratios of their times with a 95 % bound
(of the median, by ranks: no distribution is assumed), and the watcher's share of a processor by the
kernel's own count. Then it watches the same program while it sleeps. Wants an idle machine and a
release build (swift build -c release --product memagent).
"""

import argparse
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent

WORK = r"""
import json, sys, time
from collections import Counter

def records(count):
    return [{"id": i, "name": "name %d" % (i % 977), "values": [i, i * 2.5, str(i)]} for i in range(count)]

class Node:
    def __init__(self, depth):
        self.left = Node(depth - 1) if depth else None
        self.right = Node(depth - 1) if depth else None

def churn(count):
    total = 0
    for i in range(count):
        total += len([str(j) for j in range(40)])
    return total

def work(scale):
    kept = records(int(120000 * scale))
    tree = Node(16)
    text = json.dumps(kept[: int(40000 * scale)])
    again = json.loads(text)
    words = Counter(row["name"] for row in kept for _ in range(3))
    churned = churn(int(12000 * scale))
    blocks = [bytearray(1 << 20) for _ in range(int(200 * scale))]
    return len(kept) + len(again) + len(words) + churned + len(blocks)

print("ready", flush=True)
sys.stdin.readline()
begin = time.perf_counter()
work(float(sys.argv[1]))
print(time.perf_counter() - begin, flush=True)
sys.stdin.readline()
"""


class Failure(Exception):
    """Why nothing can be measured, and what to do."""


def start(options):
    """The program, ready to begin."""
    program = subprocess.Popen(
        [options.python, "-c", WORK, str(options.scale)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if program.stdout.readline() != "ready\n":
        raise Failure(f"{options.python} does not start")
    return program


def go(program):
    """Has it work, and gives the seconds that it took."""
    program.stdin.write("go\n")
    program.stdin.flush()
    return float(program.stdout.readline())


def end(program):
    program.stdin.write("end\n")
    program.stdin.close()
    program.wait()


def watcher(options, program):
    return subprocess.Popen(
        [options.bin / "memagent", "python", str(program.pid), "--json"],
        stdout=subprocess.PIPE, text=True)


def processor_seconds(pid):
    """Processor time of a process with all its threads (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def bare(options):
    program = start(options)
    seconds = go(program)
    end(program)
    return seconds


def watched(options):
    """The seconds that the work took, the watcher's share of a processor, and what it found."""
    program = start(options)
    watching = watcher(options, program)
    time.sleep(0.5)
    if watching.poll() is not None:
        raise Failure("memagent does not watch; see what it says above")
    before = processor_seconds(watching.pid)
    seconds = go(program)
    share = (processor_seconds(watching.pid) - before) / seconds
    end(program)
    return seconds, share, json.loads(watching.communicate()[0])


def idle_share(options):
    """The watcher's share of a processor while the program waits."""
    program = start(options)
    watching = watcher(options, program)
    time.sleep(1)
    before = processor_seconds(watching.pid)
    time.sleep(options.idle)
    share = (processor_seconds(watching.pid) - before) / options.idle
    watching.terminate()
    watching.communicate()
    end(program)
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


def measure(options):
    ratios, shares, times, grown, stacks, failed = [], [], [], [], 0, 0
    for number in range(options.pairs):
        if random.random() < 0.5:
            alone = bare(options)
            seconds, share, found = watched(options)
        else:
            seconds, share, found = watched(options)
            alone = bare(options)
        ratios.append(seconds / alone)
        shares.append(share)
        times.append(alone)
        grown.append(found["grown_bytes"] / 2**20)
        stacks += found["coverage"]["stacks_read"]
        failed += found["coverage"]["stacks_not_readable"]
        print(
            f"pair {number + 1:2}: bare {alone:.2f} s, watched {seconds:.2f} s, "
            f"ratio {seconds / alone:.3f}, watcher {100 * share:.2f} %", flush=True)
    low, high = bounds(ratios)
    load = os.getloadavg()[0]
    print(f"\n{options.python}, {len(ratios)} pairs of {statistics.median(times):.2f} s, "
          f"grew {statistics.median(grown):.0f} MiB; load {load:.1f} at the end")
    print(f"time watched / bare: median {statistics.median(ratios):.3f}, "
          f"95 % [{low:.3f} to {high:.3f}]")
    print(f"watcher while it grows: median {100 * statistics.median(shares):.2f} % of a processor, "
          f"at most {100 * max(shares):.2f} %")
    print(f"stacks: {stacks} read, {failed} not readable")
    print(f"watcher while it stands: {100 * idle_share(options):.3f} % of a processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bin", type=pathlib.Path, default=HERE.parent.parent / ".build/release")
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--idle", type=float, default=20.0)
    options = parser.parse_args()
    try:
        measure(options)
    except (Failure, OSError) as problem:
        print(f"benchmark_python.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
