"""What the benchmarks of Python programs share: programs that wait, and who watches them."""

import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "python"


class Failure(Exception):
    """Why nothing can be measured, and what to do."""


class Waiting:
    """A program of the folder `python`, ready to begin."""

    def __init__(self, python, name, scale, before=()):
        self.process = subprocess.Popen(
            [str(python), *before, str(PROGRAMS / f"{name}.py"), str(scale)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # The process to watch: a worker, where the program says that it has one.
        self.pid = self.process.pid
        while True:
            line = self.process.stdout.readline()
            if line == "ready\n":
                break
            if line.startswith("worker "):
                self.pid = int(line.split()[1])
            if not line:
                raise Failure(f"{python} does not start {name}.py; see above")

    def go(self):
        """Has it work, and gives the seconds and the processor seconds that it took."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the program ended before its work was done; see above")
        seconds, used = line.split()
        return float(seconds), float(used)

    def end(self):
        self.process.stdin.write("end\n")
        self.process.stdin.close()
        self.process.wait()


class Watcher:
    """`memagent python` on a process."""

    def __init__(self, bin_folder, pid, samples):
        self.process = subprocess.Popen(
            [str(bin_folder / "memagent"), "python", str(pid), "--json",
             "--fault-samples", samples],
            stdout=subprocess.PIPE, text=True)
        # It has opened everything before it looks for the first time.
        time.sleep(0.5)
        if self.process.poll() is not None:
            raise Failure("memagent does not watch; see what it says above")

    def processor_seconds(self):
        """Processor time with all threads, by the kernel's count (clock_getcpuclockid(3))."""
        return time.clock_gettime_ns((~self.process.pid << 3) | 2) / 1e9

    def found(self):
        """What it found; the program has ended, or is left alone now."""
        return json.loads(self.process.communicate()[0])

    def stop(self):
        self.process.terminate()
        return self.found()


def environment(folder, python, packages):
    """A virtual environment in `folder` with packages from PyPI; made if it is not there."""
    inside = pathlib.Path(folder) / "bin" / "python"
    if not inside.exists():
        print(f"== Making {folder} with {', '.join(packages)}", file=sys.stderr)
        subprocess.run([str(python), "-m", "venv", str(folder)], check=True)
    missing = subprocess.run(
        [str(inside), "-c", "import " + ", ".join(import_name(p) for p in packages)],
        stderr=subprocess.DEVNULL).returncode
    if missing:
        subprocess.run(
            [str(inside), "-m", "pip", "--quiet", "install", *packages], check=True)
    return inside


def import_name(package):
    return {"scikit-learn": "sklearn"}.get(package, package)
