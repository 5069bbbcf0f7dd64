#!/usr/bin/env python3
"""Runs the tests of this folder: with this interpreter, or with every one that the machine has.

    run.py [TEST ...]  these tests (test_fork, test_fork.ForkTests...), or all
    run.py --all       all, by each CPython 3.8 or later in pyenv, /usr/local/bin and /usr/bin

Exit status: 0 if all passed, 1 if not.
"""

import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Dict, List

FOLDER = Path(__file__).resolve().parent
VERSION = "import sys; sys.version_info >= (3, 8) or sys.exit(1); " "print(sys.prefix, sys.version)"


def interpreters() -> Dict[str, str]:
    """The interpreters of this machine that the package supports, by installation."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    paths = sorted(pyenv.glob("versions/*/bin/python3"))
    for folder in ("/usr/local/bin", "/usr/bin"):
        paths += sorted(Path(folder).glob("python3.[0-9]*")) + [Path(folder, "python3")]
    found: Dict[str, str] = {}
    seen: List[Path] = []
    for path in paths:
        if path.resolve() in seen or not os.access(path, os.X_OK):
            continue
        seen.append(path.resolve())
        result = subprocess.run(
            [str(path), "-c", VERSION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if result.returncode == 0:
            found.setdefault(result.stdout.decode().strip(), str(path))
    return found


def run_all() -> int:
    """Runs all tests with each interpreter, one after the other."""
    failures = 0
    for path in interpreters().values():
        print(f"== {path}", flush=True)
        failures += subprocess.run([path, str(FOLDER / "run.py")]).returncode != 0
    return 1 if failures else 0


def main(arguments: List[str]) -> int:
    """The tool."""
    if arguments == ["--all"]:
        return run_all()
    sys.path.insert(0, str(FOLDER))
    loader = unittest.TestLoader()
    if arguments:
        tests = loader.loadTestsFromNames(arguments)
    else:
        tests = loader.discover(str(FOLDER))
    result = unittest.TextTestRunner().run(tests)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
