#!/usr/bin/env python3
"""How a collector does under a simulated fleet, and how the fleet comes back when it was gone.

usage: benchmark_fleet.py [--agents N,N...] [--processes N] [--seconds S] [--bin DIR]

A collector on loopback, with a new data directory each time, has N simulated agents (memfleet) for
some seconds: its commits, how long acknowledgements take, its processor time and memory. Then one
is killed and another one told to stop while the largest N goes on, and started again at once: how
long until all are back, and how many come in one second. Each commit sends each agent one ACK, so
commits are counted by these. The fleet runs on the same machine and takes processor time from the
collector if there is not enough. Wants release builds (make benchmark-fleet makes them).
"""

import argparse
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from benchmark_agent import (
    HERE, MIB, Failure, Started, facts, memory, processor_nanoseconds, say, stop_all)

# The budget of the design: process-samples for each second of the collector's processor time, from
# the socket to the disk, with a commit each second.
SAMPLES_PER_PROCESSOR_SECOND = 4_000_000
WARM_UP_SECONDS = 12
STEADY_SECONDS = 3
PATIENCE_SECONDS = 100


class Collector:
    """A collector that can be started again on the same data and ports."""

    def __init__(self, bin, folder):
        self.bin, self.folder = bin, folder
        self.ports = {"agents": 0, "reports": 0}
        self.count = 0
        self.start()

    def start(self):
        """Starts it; gives the seconds until it was ready."""
        self.count += 1
        begun = time.monotonic()
        self.program = Started(
            [self.bin / "memcollector", "serve",
             "--listen", f"127.0.0.1:{self.ports['agents']}",
             "--http", f"127.0.0.1:{self.ports['reports']}",
             "--data-dir", self.folder / "data", "--log-format", "json"],
            self.folder / f"collector-{self.count}.log")
        # It logs a line for each agent, so "ready" is looked for and the rest read once.
        log = self.program.await_text('"ready"')
        for line in log.splitlines():
            fields = json.loads(line)
            if fields["message"].startswith("listening for "):
                what = fields["message"].split()[-1]
                self.ports[what] = int(fields["address"].rpartition(":")[2])
        return time.monotonic() - begun

    def end(self, number):
        """Ends it with a signal; gives the seconds until it was gone."""
        begun = time.monotonic()
        self.program.child.send_signal(number)
        self.program.child.wait(60)
        self.program.stop()
        return time.monotonic() - begun


class Fleet:
    """memfleet, with what it says each second."""

    LINE = re.compile(
        r"(\d+) s  ([\d,]+) of ([\d,]+) up  ([\d,]+) known  ([\d,]+) frames/s  "
        r"([\d,]+) samples/s  ([\d,]+) KiB/s  ([\d,]+) ACKs/s  ([\d,]+) unacknowledged")

    def __init__(self, options, collector, agents, seconds, folder, warm_up=0):
        self.log = folder / "fleet.log"
        self.seconds = 0
        self.program = Started(
            [options.bin / "memfleet", "--collector", f"127.0.0.1:{collector.ports['agents']}",
             "--agents", agents, "--processes", options.processes, "--seconds", seconds,
             "--warm-up", warm_up, "--seed", options.seed, "--format", "json"],
            self.log, output=subprocess.PIPE)

    def next_line(self):
        """Waits for the figures of the next second."""
        self.seconds += 1
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for line in self.log.read_text(errors="replace").splitlines():
                found = self.LINE.match(line)
                if found:
                    numbers = [int(n.replace(",", "")) for n in found.groups()]
                    if numbers[0] == self.seconds:
                        return dict(zip(
                            ("second", "up", "agents", "known", "frames", "samples", "kib", "acks",
                             "waiting"),
                            numbers))
            if self.program.child.poll() is not None:
                raise Failure(f"memfleet ended early: {self.log.read_text()[-500:]}")
            time.sleep(0.01)
        raise Failure("memfleet says nothing for 30 s; the machine has too much to do")

    def await_steady(self, seconds):
        """Waits until the full state of all was on the disk for so many seconds."""
        steady = waited = 0
        while steady < seconds:
            line = self.next_line()
            waited += 1
            steady = steady + 1 if line["known"] == line["agents"] else 0
            if waited > PATIENCE_SECONDS:
                return False
        return True

    def figures(self):
        """What it says at its end."""
        output, _ = self.program.child.communicate(timeout=90)
        if not output:
            raise Failure(f"memfleet failed: {self.log.read_text()[-500:]}")
        return json.loads(output), self.program.child.returncode


def milliseconds(microseconds):
    return "-" if microseconds is None else f"{microseconds / 1000:,.0f} ms"


def seconds(value):
    return "never" if value is None else f"{value / 1000:.2f} s"


def latency(figures):
    return (f"median {milliseconds(figures['median_microseconds'])}, "
            f"99 % {milliseconds(figures['p99_microseconds'])}, "
            f"at most {milliseconds(figures['longest_microseconds'])}")


def measure_load(options, agents, scratch):
    """A fleet for some seconds; gives the line about the budget."""
    folder = scratch / f"load-{agents}"
    folder.mkdir()
    say(f"== {agents:,} agents with {options.processes:,} processes each, 20 % changing and one "
        f"exit a second, {options.seconds} s")
    collector = Collector(options.bin, folder)
    fleet = Fleet(options, collector, agents, WARM_UP_SECONDS + options.seconds, folder,
                  WARM_UP_SECONDS)
    for _ in range(WARM_UP_SECONDS):
        line = fleet.next_line()
    if line["known"] < agents:
        say(f"   after {WARM_UP_SECONDS} s only {line['known']:,} had their full state on the disk")
    pids = collector.program.pid, fleet.program.pid
    used, begun = [processor_nanoseconds(pid) for pid in pids], time.monotonic()
    samples = frames = kib = acks = 0
    for _ in range(options.seconds):
        line = fleet.next_line()
        samples, frames = samples + line["samples"], frames + line["frames"]
        kib, acks = kib + line["kib"], acks + line["acks"]
    used = [(processor_nanoseconds(pid) - u) / 1e9 for pid, u in zip(pids, used)]
    time_taken = time.monotonic() - begun
    resident, _, anonymous = memory(collector.program.pid)
    figures, status = fleet.figures()
    collector.end(signal.SIGTERM)
    size = sum(f.stat().st_size for f in (folder / "data").iterdir())
    rate = samples / used[0] if used[0] else 0
    start = figures["recoveries"][0]
    for name, text in [
            ("process-samples", f"{samples / time_taken:,.0f} a second, {frames / time_taken:,.0f} "
             f"frames, {kib / time_taken:,.0f} KiB, "
             f"{figures['bytes_per_process_sample']:.2f} bytes each"),
            ("commits", f"{acks / agents / time_taken:.2f} a second"),
            ("ACK of changes", latency(figures["ack_of_changes"])),
            ("start", f"all accepted after {seconds(start['all_accepted_milliseconds'])}, all full "
             f"states on the disk after {seconds(start['all_known_milliseconds'])}"),
            ("collector, processor", f"{used[0] / time_taken * 100:.0f} % of one; {rate:,.0f} "
             "process-samples for each second of it"),
            ("collector, memory", f"{resident / MIB:.0f} MiB resident, "
             f"{anonymous / MIB:.0f} MiB anonymous; {size / MIB:.0f} MiB on disk"),
            ("memfleet, processor", f"{used[1] / time_taken * 100:.0f} % of one; "
             f"{figures['looks_too_late']:,} of {figures['looks']:,} looks too late"),
            ("sessions at the end", f"{figures['settled']:,} of {agents:,}, all acknowledged"
             + ("" if status == 0 else ": NOT ALL"))]:
        say(f"   {name:22} {text}")
    for reason, count in figures["failures"].items():
        say(f"   {'failure':22} {reason}: {count:,} times")
    met = "met" if rate >= SAMPLES_PER_PROCESSOR_SECOND else "NOT met"
    return (f"{agents:,} agents: {rate:,.0f} process-samples for each second of the collector's "
            f"processor time, budget {SAMPLES_PER_PROCESSOR_SECOND:,}: {met}")


def measure_return(options, agents, number, scratch):
    """A fleet whose collector goes by this signal and is started again: rows of the table."""
    name = signal.Signals(number).name
    folder = scratch / f"return-{name}"
    folder.mkdir()
    collector = Collector(options.bin, folder)
    fleet = Fleet(options, collector, agents, 4 * PATIENCE_SECONDS, folder)
    fleet.await_steady(STEADY_SECONDS)
    gone = collector.end(number)
    ready = collector.start()
    fleet.seconds = max(fleet.seconds, len(fleet.log.read_text().splitlines()) - 1)
    fleet.await_steady(1)
    fleet.program.child.terminate()
    figures, status = fleet.figures()
    collector.end(signal.SIGTERM)
    for index, recovery in enumerate(figures["recoveries"]):
        row = ("start", "-", "-") if index == 0 else (name, f"{gone:.2f} s", f"{ready:.2f} s")
        say(f"   {row[0]:10}{row[1]:>9} {row[2]:>9} "
            f"{seconds(recovery['first_connect_milliseconds']):>14} "
            f"{seconds(recovery['all_accepted_milliseconds']):>9} "
            f"{seconds(recovery['all_known_milliseconds']):>10} "
            f"{recovery['connects_in_one_second']:>23,}")
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in figures["failures"].items())
    say(f"   {'':10}{figures['connects']:,} of {figures['attempts']:,} attempts; at the end "
        f"{figures['settled']:,} sessions stood, all acknowledged"
        + ("" if status == 0 else ": NOT ALL") + f"; {reasons}")


def measure_returns(options, agents, scratch):
    """How a fleet comes back after a kill, and after a stop in order."""
    say(f"== {agents:,} agents whose collector goes and is started again at once")
    say(f"   {'':10}{'gone in':>9} {'ready in':>9} {'first connect':>14} {'all back':>9} "
        f"{'all known':>10} {'connects in one second':>23}")
    for number in (signal.SIGKILL, signal.SIGTERM):
        measure_return(options, agents, number, scratch)
    say("   counted from the first lost session; known: the full state is on the disk")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--agents", default="100,1000", metavar="N,N...")
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--bin", type=pathlib.Path, default=HERE.parent.parent / ".build" / "release")
    options = parser.parse_args()
    try:
        options.agents = [int(n) for n in re.split(r"[ ,]+", options.agents.strip())]
    except ValueError:
        parser.error("--agents wants numbers, such as 100,1000")
    if min(options.agents) < 1 or options.processes < 1 or options.seconds < 1:
        parser.error("numbers of agents, processes and seconds begin at 1")
    return options


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        for name in ("memcollector", "memfleet"):
            if not (options.bin / name).exists():
                raise Failure(f"there is no {options.bin / name}; run make benchmark-fleet")
        with tempfile.TemporaryDirectory(prefix="highwater-benchmark-") as folder:
            scratch = pathlib.Path(folder)
            try:
                say(facts())
                lines = []
                for agents in options.agents:
                    lines.append(measure_load(options, agents, scratch))
                    shutil.rmtree(scratch / f"load-{agents}")
                measure_returns(options, max(options.agents), scratch)
                say("== Budget")
                for line in lines:
                    say("   " + line)
            finally:
                stop_all()
    except Failure as failure:
        print(f"benchmark-fleet: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
