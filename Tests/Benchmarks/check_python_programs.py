#!/usr/bin/env python3
"""Whether `memagent python` names the right functions of real programs, on every CPython there is.

usage: check_python_programs.py [--bin DIR] [--folder DIR] [--scale S] [PYTHON ...]

pandas, scikit-learn, a Flask server and a worker of multiprocessing run on each interpreter, those
of pyenv and /usr/bin/python3 unless some are named, each watched with page-fault samples and by
looks alone. Of what grew, most has to be credited to stacks with the functions that make it, and
nearly all stacks have to be read. An interpreter that is not read has to be named and refused. The
packages come from PyPI into virtual environments in `--folder`.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from python_watching import HERE, Failure, Waiting, Watcher, environment

PACKAGES = ["pandas", "scikit-learn", "flask"]
# The functions that grow, and the least share of the growth that stacks with them have.
PROGRAMS = {
    "frames": ({"make_frames", "merge", "group", "names"}, 0.9),
    "model": ({"make", "prepare", "forest", "linear"}, 0.9),
    "server": ({"remember"}, 0.6),
    "workers": ({"make_rows"}, 0.7),
}


def interpreters():
    """Paths of interpreters, each once."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    found = sorted(root.glob("versions/*/bin/python")) + [pathlib.Path("/usr/bin/python3")]
    return list({path.resolve(): path for path in found if path.exists()}.values())


def version(python):
    answer = subprocess.run(
        [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        stdout=subprocess.PIPE, check=True, text=True)
    return tuple(int(part) for part in answer.stdout.split("."))


def share(found, functions):
    """The share of the growth that stacks with one of the functions have."""
    own = sum(
        stack["grown_bytes"] for stack in found["stacks"]
        if any(re.split(r"\.", frame["function"])[-1] in functions for frame in stack["frames"]))
    return own / max(1, found["grown_bytes"] - found["other_stack_bytes"])


def check(options, python, name, samples):
    """One program on one interpreter; the problems that were found."""
    functions, least = PROGRAMS[name]
    program = Waiting(python, name, options.scale)
    watcher = Watcher(options.bin, program.pid, samples)
    program.go()
    found = watcher.stop()
    program.end()
    part = share(found, functions)
    read, lost = (found["coverage"][key] for key in ["stacks_read", "stacks_not_readable"])
    print(f"  {name:8} {found['method']:13} grew {found['grown_bytes'] / 2**20:5.0f} MiB, "
          f"{100 * part:5.1f} % in {', '.join(sorted(functions))}; {read} stacks read, {lost} not",
          flush=True)
    problems = []
    if found["python_version"] != "%d.%d" % version(python):
        problems.append(f"it is taken for {found['python_version']}")
    if part < least:
        problems.append(f"only {100 * part:.0f} % are credited to it")
    if lost > max(2, read // 20):
        problems.append(f"{lost} stacks could not be read")
    return [f"{python} {name} {samples}: {problem}" for problem in problems]


def check_refusal(options, python):
    """An interpreter that is not read."""
    program = subprocess.Popen([str(python), "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(1)
        answer = subprocess.run(
            [str(options.bin / "memagent"), "python", str(program.pid), "--seconds", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        program.kill()
        program.wait()
    print(f"  {answer.stderr.strip()}")
    name = "CPython %d.%d" % version(python)
    if answer.returncode == 1 and name in answer.stderr:
        return []
    return [f"{python}: it is not refused as {name}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / ".build/release")
    parser.add_argument("--folder", help="where the virtual environments are; temporary ones else")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("python", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    problems = []
    try:
        with tempfile.TemporaryDirectory(prefix="highwater-programs-") as folder:
            for python in options.python or interpreters():
                number = version(python)
                print(f"{python}", flush=True)
                if number < (3, 8) or number > (3, 13):
                    problems += check_refusal(options, python)
                    continue
                name = str(python.resolve().parent.parent).strip("/").replace("/", "-")
                programs = list(PROGRAMS)
                try:
                    inside = environment(
                        pathlib.Path(options.folder or folder) / name, python, PACKAGES)
                except subprocess.CalledProcessError as problem:
                    print(f"  without packages, only workers.py: {problem}", flush=True)
                    inside, programs = python, ["workers"]
                for program in programs:
                    for samples in ["auto", "off"]:
                        problems += check(options, inside, program, samples)
    except (Failure, OSError, subprocess.CalledProcessError) as problem:
        problems.append(str(problem))
    for problem in problems:
        print(f"check_python_programs.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
