#!/usr/bin/env python3
"""How well `memagent python` agrees with memray on which lines hold memory at the peak.

usage: benchmark_python_accuracy.py [--bin DIR] [--python PROGRAM] [--folder DIR] [--runs N]

Runs each program once under `memray --trace-python-allocators`, which follows every allocation, and
`--runs` times watched from outside with page-fault samples and with looks alone. Prints the overlap
of the two distributions of bytes by line: the sum of the smaller shares; 1 is the same, 0 has
nothing in common. Only what the program's function `work` does is compared, as the watching begins
with it. memray, pandas and scikit-learn come from PyPI into a virtual environment in `--folder`.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections import Counter

from python_watching import HERE, PROGRAMS, Failure, Waiting, Watcher, environment

# The program, what its lines are counted by, and the overlap to be had: with samples, with looks.
CASES = [
    ("objects", "innermost", 0.85, 0.75),
    ("frames", "script", None, None),
    ("model", "script", None, None),
    ("leak", "innermost", None, None),
]


def key(frames, by):
    """The line of a stack that bytes are counted for; None for what `work` did not call."""
    if not any(function.endswith("work") for _, _, function in frames):
        return None
    if by == "innermost":
        return frames[0][0].rsplit("/", 1)[-1], frames[0][1]
    for file, line, _ in frames:
        if str(PROGRAMS) in file and not file.endswith("waiting.py"):
            return file.rsplit("/", 1)[-1], line
    return None


def by_memray(python, name, scale, by, folder):
    """Bytes by line at the high-water mark, of what each allocation is for."""
    capture = pathlib.Path(folder) / f"{name}.bin"
    program = Waiting(
        python, name, scale,
        ["-m", "memray", "run", "--trace-python-allocators", "--quiet", "--force", "--output",
         str(capture)])
    program.go()
    program.end()
    text = subprocess.run(
        [str(python), str(PROGRAMS / "memray_lines.py"), str(capture)],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    capture.unlink()
    lines = Counter()
    for stack in json.loads(text):
        line = key(stack["frames"], by) if stack["frames"] else None
        if line:
            lines[line] += stack["bytes"]
    return lines


def by_watching(options, python, name, scale, by, samples, column):
    """Bytes by line as memagent has them, and all that it found."""
    program = Waiting(python, name, scale)
    watcher = Watcher(options.bin, program.pid, samples)
    program.go()
    found = watcher.stop()
    program.end()
    lines = Counter()
    for stack in found["stacks"]:
        frames = [[f["file"], f["line"], f["function"]] for f in stack["frames"]]
        line = key(frames, by)
        if line:
            lines[line] += stack[column]
    return lines, found


def overlap(left, right):
    """The sum of the smaller shares."""
    left_total, right_total = sum(left.values()), sum(right.values())
    if not left_total or not right_total:
        return 0.0
    return sum(
        min(left[line] / left_total, right[line] / right_total) for line in left if line in right)


def show(title, lines, others, count):
    """The lines that memray has most at, and what each way gives them."""
    print(f"  {title}")
    for line, size in lines.most_common(count):
        shares = [f"{100 * size / sum(lines.values()):6.1f} %"]
        shares += [f"{100 * other[line] / max(1, sum(other.values())):6.1f} %" for other in others]
        print("    " + "".join(f"{share:>10}" for share in shares) + f"   {line[0]}:{line[1]}")


def measure(options, python, folder):
    ways = [
        ("samples, at the peak", "auto", "at_peak_bytes"),
        ("samples, growth", "auto", "grown_bytes"),
        ("looks, growth", "off", "grown_bytes"),
    ]
    failed = False
    for name, by, with_samples, with_looks in CASES:
        if options.only and name not in options.only:
            continue
        truth = by_memray(python, name, options.scale, by, folder)
        print(f"\n{name}.py, {sum(truth.values()) / 2**20:.0f} MiB at memray's mark, by "
              f"{'innermost line' if by == 'innermost' else 'line of the script'}")
        last = []
        for title, samples, column in ways:
            overlaps, lines = [], Counter()
            for _ in range(options.runs):
                lines, found = by_watching(
                    options, python, name, options.scale, by, samples, column)
                overlaps.append(overlap(truth, lines))
            last.append(lines)
            share = found["coverage"]["own_cpu_us"] / 10 / max(1, found["watched_ms"])
            wanted = {"auto": with_samples, "off": with_looks}[samples]
            is_wanted = wanted and (samples == "off" or column == "at_peak_bytes")
            median = statistics.median(overlaps)
            note = f", wanted {wanted:.2f}" if is_wanted else ""
            failed = failed or bool(is_wanted and median < wanted)
            print(f"  {title:22} overlap {median:.2f} "
                  f"[{min(overlaps):.2f} to {max(overlaps):.2f}]{note}; grew "
                  f"{found['grown_bytes'] / 2**20:.0f} MiB, {found['coverage']['stacks_read']} "
                  f"stacks, {found['coverage']['fault_samples']} samples, {share:.1f} % of a "
                  f"processor ({found['method']})", flush=True)
        show("memray, then each of the three:", truth, last, 12)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / ".build/release")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--folder", help="where the virtual environment is; a temporary one else")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="highwater-accuracy-") as folder:
            python = environment(
                options.folder or folder + "/venv", options.python,
                ["memray", "pandas", "scikit-learn"])
            return 1 if measure(options, python, folder) else 0
    except (Failure, OSError, subprocess.CalledProcessError) as problem:
        print(f"benchmark_python_accuracy.py: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
