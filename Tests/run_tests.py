#!/usr/bin/env python3
"""Runs tests that are built, and says at the end which failed and why: a long output hides it.

usage: run_tests.py WIDTH SELECTION -- COMMAND...

WIDTH tests run at a time. SELECTION is `--filter PATTERN` and `--skip PATTERN` in one word, COMMAND
is `swift test` with all else. Tests drive real programs and wait for them, at most so long; where
a host is so busy that a few of them are not served in time, these are run once more, one at a time
and with nothing beside them. What fails then has failed. Either way all that happened is said.
"""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree as ElementTree

# More failures than these are no accident of a busy host, and none is run again.
MOST_AGAIN = 3
# What of the output is worth reading again: issues, crashes and what ended the run.
TELLING = re.compile(r"✘|error:|Fatal error|signal code|warning: .*crash")
# Above this a test has hung: a phase takes some ten minutes on two cores.
MOST_SECONDS = 2400
CRASH = re.compile(r"signal code|Fatal error")
MOST_LINES = 60
MOST_CHARACTERS = 2000


def run(command, width, selection, folder):
    """Runs tests; gives the exit status, the telling lines, and by test whether it failed."""
    results = folder / "results.xml"
    whole = [*command, "--experimental-maximum-parallelization-width", str(width), *selection,
             "--xunit-output", str(results)]
    telling = []
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as child:
        watch = threading.Timer(MOST_SECONDS, end, [child])
        watch.daemon = True
        watch.start()
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if TELLING.search(line):
                telling.append(line.rstrip()[:MOST_CHARACTERS])
        watch.cancel()
    found = sorted(folder.glob("results*.xml"))
    outcomes = {}
    for path in found:
        for test, has_failed in outcomes_in(path):
            outcomes[test] = outcomes.get(test, False) or has_failed
        path.unlink()
    return child.returncode, telling[-MOST_LINES:], outcomes


def end(child):
    """Ends tests that hang; what began and did not end stands above."""
    print(f"== Ended after {MOST_SECONDS} s: a test that started above has not ended", flush=True)
    for process in [*descendants(child.pid), child.pid]:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


def descendants(process):
    """The processes that one has started, and those that they have, innermost first."""
    try:
        children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [one for child in map(int, children) for one in [*descendants(child), child]]


def outcomes_in(path):
    """The tests of a file of results and whether each failed; none where a crash cut it short."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except ElementTree.ParseError:
        return []
    return [((case.get("classname"), case.get("name")),
             case.find("failure") is not None or case.find("error") is not None)
            for case in cases]


def selecting(test):
    """What chooses one test, with all its arguments."""
    suite, function = test
    module, *names = suite.split(".")
    path = r"[./]".join(re.escape(name) for name in (*names, function))
    return ["--filter", rf"^{re.escape(module)}\.{path}"]


def say(title, lines):
    print(f"== {title}", *lines, sep="\n", flush=True)


def main():
    width, selection, separator, *command = sys.argv[1:]
    if separator != "--" or not command:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        status, telling, outcomes = run(command, width, shlex.split(selection), folder)
        if status == 0:
            return 0
        failed = [test for test, has_failed in outcomes.items() if has_failed]
        say(f"Failed, exit status {status}:", telling)
        # A crash takes tests with it that nobody knows of.
        if not failed or len(failed) > MOST_AGAIN or any(CRASH.search(line) for line in telling):
            return status
        again = 0
        for test in failed:
            say(f"Once more, by itself: {' '.join(test)}", [])
            one, telling, outcomes = run(command, 1, selecting(test), folder)
            # A run that chose no test has not shown that it passes.
            if one != 0 or outcomes.get(test) is not False:
                say(f"Failed again, exit status {one}:", telling)
                again = one or status
        if not again:
            say("Failed beside others and passed by themselves, which a busy host explains:",
                [" ".join(test) for test in failed])
        return again


if __name__ == "__main__":
    sys.exit(main())
