#!/usr/bin/env python3
"""What an agent costs beside other programs that watch the same processes in the same seconds.

usage: benchmark_agent.py [--processes N,N...] [--percent CHANGING] [--seconds S] [--bin DIR]

Makes N processes of which some change each second, and lets the agent, with and without privilege,
and what else is installed watch them side by side. Processor time is the kernel's own count for
each program with all its threads and children, in nanoseconds; nothing counts before the warm-up
is over. Wants release builds (make build) and a C compiler; as root it measures more.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
NOBODY = 65534
KERNEL_THREAD = 0x200000  # PF_KTHREAD, field 9 of /proc/PID/stat
MIB = 1024 * 1024
# The budgets of the design: milliseconds for each sample of 1,000 processes, and memory while
# watching 1,000 of them.
PRIVILEGED_MS, UNPRIVILEGED_MS = 5.0, 12.0
RESIDENT_MIB, ANONYMOUS_MIB = 16.0, 4.0
SHARE_OF_TOP = 0.2

Use = collections.namedtuple("Use", "milliseconds samples resident private anonymous")


class Failure(Exception):
    """Why nothing can be measured, and what to do."""


def say(text=""):
    print(text, flush=True)


# What the kernel knows of a program.


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name; None if there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def processor_nanoseconds(pid):
    """Processor time of a process with all its threads, and of children that it waited for."""
    own = time.clock_gettime_ns((~pid << 3) | 2)  # clock_getcpuclockid(3)
    fields = stat_fields(pid)
    ticks = int(fields[13]) + int(fields[14]) if fields else 0
    return own + ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Resident, private and anonymous bytes; None for what may not be read."""
    resident = private = anonymous = None
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            words = line.split()
            if words[0] == "Rss:":
                resident = int(words[1]) * 1024
            elif words[0] in ("Private_Clean:", "Private_Dirty:"):
                private = (private or 0) + int(words[1]) * 1024
            elif words[0] == "Anonymous:":
                anonymous = int(words[1]) * 1024
    except OSError:
        pass
    return resident, private, anonymous


def process_count():
    """Processes of this machine that are none of the kernel's threads."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(name)
            if fields and not int(fields[6]) & KERNEL_THREAD:
                count += 1
    return count


# What is started ends with this program.


class Started:
    """A program that was started here, and how to end it."""

    all = []

    def __init__(self, command, log=None, output=subprocess.DEVNULL, user=None):
        wrapped = list(map(str, command))
        if shutil.which("setpriv"):
            rights = ["setpriv", "--pdeathsig", "KILL"]
            if user is not None:
                rights += ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
                rights += ["--inh-caps=-all", "--bounding-set=-all"]
            wrapped = rights + wrapped
        elif user is not None:
            raise Failure("there is no setpriv (util-linux) to start the agent as another user")
        self.log = log
        errors = open(log, "wb") if log else subprocess.DEVNULL
        self.child = subprocess.Popen(
            wrapped, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        self.pid = self.child.pid
        Started.all.append(self)

    def await_text(self, text, seconds=60):
        """Waits until the log has this text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            content = pathlib.Path(self.log).read_text(errors="replace")
            if text in content:
                return content
            if self.child.poll() is not None:
                raise Failure(f"{self.child.args[-1]} ended at once: {content[-500:]}")
            time.sleep(0.1)
        raise Failure(f"it does not say \"{text}\": {pathlib.Path(self.log).read_text()[-500:]}")

    def stop(self):
        """Ends it, politely first, and waits for it."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        if self in Started.all:
            Started.all.remove(self)


def stop_all():
    for program in reversed(list(Started.all)):
        program.stop()


# The programs that watch.


class Watcher:
    """A program that looks at all processes once a second."""

    def __init__(self, name, command, log=None, user=None):
        self.name = name
        self.program = Started(command, log, user=user)

    def left_out(self):
        """How many looks were left out so far."""
        return 0

    def stop(self):
        self.program.stop()


class Agent(Watcher):
    """memagent with a collector of its own."""

    def __init__(self, name, bin, scratch, user=None):
        folder = scratch / name.replace(" ", "-")
        (folder / "state").mkdir(parents=True)
        if user is not None:
            os.chown(folder / "state", user, user)
        self.bin = bin
        self.collector = Started(
            [bin / "memcollector", "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
             "--data-dir", folder / "data", "--log-format", "json"], folder / "collector.log")
        log = self.collector.await_text('"ready"')
        ports = {}
        for line in log.splitlines():
            fields = json.loads(line)
            if "address" in fields:
                ports[fields["message"].split()[-1]] = fields["address"].rpartition(":")[2]
        self.url = "http://127.0.0.1:" + ports["reports"]
        self.port = ports["agents"]
        super().__init__(
            name,
            [bin / "memagent", "--collector", "127.0.0.1:" + self.port, "--host-id", "measured",
             "--state-dir", folder / "state"], folder / "agent.log", user)
        self.program.await_text("connected")

    def left_out(self):
        answer = subprocess.run(
            [str(self.bin / "memcollector"), "hosts", "--format", "json", "--url", self.url],
            stdin=subprocess.DEVNULL, capture_output=True, check=True)
        counters = json.loads(answer.stdout)["coverage"]["counters"]
        return counters.get("skipped_ticks", 0) + counters.get("stretched_ticks", 0)

    def sent_bytes(self):
        """Bytes that went to the collector; None without ss (iproute2)."""
        if not shutil.which("ss"):
            return None
        text = subprocess.run(
            ["ss", "-tinH", f"dport = :{self.port}"], capture_output=True, text=True).stdout
        found = re.search(r"bytes_sent:(\d+)", text)
        return int(found.group(1)) if found else None

    def stop(self):
        self.program.stop()
        self.collector.stop()


class Exporter(Watcher):
    """process-exporter, asked once a second as Prometheus would."""

    def __init__(self, path, scratch):
        config = scratch / "process-exporter.yml"
        config.write_text('process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n')
        super().__init__(
            "process-exporter",
            [path, "-config.path", config, "-web.listen-address", "127.0.0.1:19256"])
        self.is_over = threading.Event()
        self.missed = 0
        threading.Thread(target=self.scrape, daemon=True).start()

    def scrape(self):
        due = time.monotonic() + 1
        while not self.is_over.wait(max(0, due - time.monotonic())):
            due += 1
            try:
                connection = http.client.HTTPConnection("127.0.0.1", 19256, timeout=20)
                connection.request("GET", "/metrics")
                connection.getresponse().read()
                connection.close()
            except OSError:
                self.missed += 1
            while due < time.monotonic():
                self.missed += 1
                due += 1

    def left_out(self):
        return self.missed

    def stop(self):
        self.is_over.set()
        super().stop()


def collectd(path, scratch):
    config = scratch / "collectd.conf"
    config.write_text(
        f'BaseDir "{scratch}"\nPIDFile "{scratch}/collectd.pid"\nInterval 1\n'
        f'LoadPlugin csv\nLoadPlugin processes\n<Plugin csv>\n  DataDir "{scratch}/csv"\n'
        '</Plugin>\n<Plugin processes>\n  ProcessMatch "all" ".*"\n</Plugin>\n')
    return Watcher("collectd", [path, "-f", "-C", config])


def find(*names):
    """The first of these programs that is installed."""
    for name in names:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            return path
    return None


def python_with_psutil():
    for path in ("/usr/bin/python3", sys.executable):
        if os.path.exists(path) and subprocess.run(
                [path, "-c", "import psutil"], stderr=subprocess.DEVNULL).returncode == 0:
            return path
    return None


def groups(bin, scratch):
    """Who watches side by side: each a list of (name, how to start it, why not).

    `top` is in every group, so that each ratio is of the same seconds.
    """
    is_root = os.geteuid() == 0
    top, pidstat, python = find("top"), find("pidstat"), python_with_psutil()
    exporter = find("process-exporter", "prometheus-process-exporter")
    collector = find("collectd")
    apps = find("/usr/libexec/netdata/plugins.d/apps.plugin",
                "/usr/lib/netdata/plugins.d/apps.plugin")
    here = "memagent" if is_root else "memagent, own user"
    reference = ("top -b -d 1", top and (lambda: Watcher("top -b -d 1", [top, "-b", "-d", "1"])),
                 "procps is not installed")
    first = [
        (here, lambda: Agent(here, bin, scratch), None),
        ("memagent, no privilege", is_root and (
            lambda: Agent("memagent, no privilege", bin, scratch, NOBODY)), "needs root"),
        reference,
        ("pidstat -r 1", pidstat and (
            lambda: Watcher("pidstat -r 1", [pidstat, "-r", "1"])), "sysstat is not installed"),
        ("psutil loop", python and (
            lambda: Watcher("psutil loop", [python, HERE / "psutil_loop.py"])),
         "python3-psutil is not installed"),
    ]
    second = [
        reference,
        ("process-exporter", exporter and (lambda: Exporter(exporter, scratch)), "not installed"),
        ("collectd", collector and (lambda: collectd(collector, scratch)), "not installed"),
        ("Netdata apps.plugin", apps and (
            lambda: Watcher("Netdata apps.plugin", [apps, "1"])), "not installed"),
    ]
    return [first, second]


# Measuring.


def measure(watchers, seconds):
    """What each watcher used in the same seconds."""
    def now():
        return {w.name: (processor_nanoseconds(w.program.pid), time.monotonic())
                for w in watchers}

    left = {w.name: w.left_out() for w in watchers}
    sent = {w.name: w.sent_bytes() for w in watchers if isinstance(w, Agent)}
    first = now()
    time.sleep(seconds)
    last = now()
    uses = {}
    for watcher in watchers:
        if watcher.program.child.poll() is not None:
            say(f"   {watcher.name} ended while it was measured: left out")
            continue
        (used0, at0), (used1, at1) = first[watcher.name], last[watcher.name]
        samples = max(at1 - at0 - (watcher.left_out() - left[watcher.name]), 0.5)
        uses[watcher.name] = Use(
            (used1 - used0) / 1e6 / samples, samples, *memory(watcher.program.pid))
    wire = {}
    for watcher in watchers:
        after = watcher.sent_bytes() if isinstance(watcher, Agent) else None
        if after is not None and sent[watcher.name] is not None:
            wire[watcher.name] = (after - sent[watcher.name]) / seconds
    return uses, wire


def run_group(group, count, options):
    """Starts a group, lets it warm up and measures it."""
    watchers = []
    try:
        for name, start, problem in group:
            if not start:
                continue
            watchers.append(start())
        # The first looks cost more, and what starts costs the others.
        time.sleep(options.warmup + count / 1000)
        before = process_count()
        uses, wire = measure(watchers, options.seconds)
        after = process_count()
        if abs(after - before) > before // 50:
            say(f"   the machine was not idle: it had {before:,} processes before and "
                f"{after:,} afterwards")
        return uses, wire, (before + after) // 2
    finally:
        for watcher in reversed(watchers):
            watcher.stop()


def mebibytes(value):
    return "      -" if value is None else f"{value / MIB:7.1f}"


def print_table(uses, wire, processes):
    top = uses.get("top -b -d 1")
    say(f"   {'':24}{'ms a':>8} {'ms, 1,000':>10} {'of top':>7} {'looks':>6}"
        f"  {'RSS':>7}  {'private':>7}  {'anon.':>7}  MiB")
    say(f"   {'':24}{'look':>8} {'processes':>10}")
    for name, use in uses.items():
        ratio = f"{use.milliseconds / top.milliseconds:7.2f}" if top else "      -"
        say(f"   {name:24}{use.milliseconds:8.2f} {use.milliseconds * 1000 / processes:10.2f} "
            f"{ratio} {use.samples:6.0f}  {mebibytes(use.resident)}  {mebibytes(use.private)}"
            f"  {mebibytes(use.anonymous)}")
    for name, rate in wire.items():
        say(f"   {name}: {rate:.0f} bytes a second on the wire, "
            f"{rate / processes:.2f} for each process and sample")


def verdicts(count, processes, uses):
    """The budgets, each with what was measured and whether it is met."""
    lines = []

    def judge(text, value, limit, unit):
        met = "met" if value <= limit else "NOT met"
        lines.append(f"{text}: {value:.2f} {unit}, budget {limit:g}: {met}")

    for name, use in uses.items():
        if not name.startswith("memagent"):
            continue
        budget = PRIVILEGED_MS if name == "memagent" else UNPRIVILEGED_MS
        who = f"{count:,} processes, {name}"
        if count >= 1000:  # Of fewer, what a look costs in itself is a large share.
            judge(f"{who}, each look at 1,000 of them",
                  use.milliseconds * 1000 / processes, budget, "ms")
        own_limit = max(10.0, 0.015 * processes)
        judge(f"{who}, its own limit for each look", use.milliseconds, own_limit, "ms")
        top = uses.get("top -b -d 1")
        if top and name == "memagent":
            judge(f"{who}, share of what top costs",
                  use.milliseconds / top.milliseconds, SHARE_OF_TOP, "of it")
        if count <= 1000 and use.resident is not None:
            judge(f"{who}, resident", use.resident / MIB, RESIDENT_MIB, "MiB")
            judge(f"{who}, anonymous", use.anonymous / MIB, ANONYMOUS_MIB, "MiB")
    return lines


def measure_population(count, options, scratch):
    """One number of processes; gives the lines about budgets."""
    say(f"== {count:,} processes, {options.percent} % of them changing each second, "
        f"{options.seconds} s")
    population = Started(
        [scratch / "changer", count, count * options.percent // 100],
        log=scratch / "changer.log", output=subprocess.PIPE)
    if population.child.stdout.readline() != b"ready\n":
        raise Failure(f"cannot make {count:,} processes: "
                      + (scratch / "changer.log").read_text().strip())
    lines = []
    try:
        for number, group in enumerate(groups(options.bin, scratch / f"{count}")):
            for name, start, problem in group:
                if not start and count == options.processes[0]:
                    say(f"   {name} is left out: {problem}")
            if number > 0 and sum(1 for _, start, _ in group if start) < 2:
                continue
            uses, wire, processes = run_group(group, count, options)
            if population.child.poll() is not None:
                raise Failure("the processes to watch are gone: "
                              + (scratch / "changer.log").read_text().strip())
            if number == 0:
                say(f"   {processes:,} with the machine's own, those of the kernel not counted")
            print_table(uses, wire, processes)
            lines += verdicts(count, processes, uses)
    finally:
        population.stop()
    return lines


def facts():
    """What machine this is."""
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = ", " + line.partition(":")[2].strip()
            break
    total = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) // 1024
    return (f"{os.cpu_count()} processors{model}, {total:,} MiB, {platform.machine()}, "
            f"Linux {platform.release()}, {'root' if os.geteuid() == 0 else 'not root'}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--processes", default="300,1000,5000", metavar="N,N...")
    parser.add_argument("--percent", type=int, default=5, metavar="CHANGING")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=6)
    parser.add_argument(
        "--bin", type=pathlib.Path, default=HERE.parent.parent / ".build" / "release")
    options = parser.parse_args()
    try:
        options.processes = [int(n) for n in re.split(r"[ ,]+", options.processes.strip())]
    except ValueError:
        parser.error("--processes wants numbers, such as 300,1000,5000")
    if min(options.processes) < 1 or not 0 <= options.percent <= 100 or options.seconds < 1:
        parser.error("numbers of processes and seconds begin at 1, percent is 0 to 100")
    return options


def prepare(options, scratch):
    """Compiles what changes, and puts the programs where every user can start them."""
    scratch.chmod(0o755)
    compiler = find("cc", "clang", "gcc")
    if not compiler:
        raise Failure("there is no C compiler; install gcc or clang")
    subprocess.run([compiler, "-O1", "-o", scratch / "changer", HERE / "changer.c"], check=True)
    (scratch / "bin").mkdir()
    for name in ("memagent", "memcollector"):
        if not (options.bin / name).exists():
            raise Failure(f"there is no {options.bin / name}; run make build")
        shutil.copy(options.bin / name, scratch / "bin" / name)
    options.bin = scratch / "bin"


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory(prefix="highwater-benchmark-") as folder:
            scratch = pathlib.Path(folder)
            try:
                prepare(options, scratch)
                say(facts())
                lines = []
                for count in options.processes:
                    (scratch / f"{count}").mkdir(exist_ok=True)
                    lines += measure_population(count, options, scratch)
                say("== Budgets")
                for line in lines:
                    say("   " + line)
            finally:
                stop_all()
    except Failure as failure:
        print(f"benchmark-agent: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
