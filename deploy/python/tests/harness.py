"""What the tests of this package share: memory of known size, a listening socket, other procfs."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

FOLDER = Path(__file__).resolve().parent
if not os.environ.get("HIGHWATER_INSTALLED"):
    sys.path.insert(0, str(FOLDER.parent))
REPOSITORY = FOLDER.parent.parent.parent
sys.path.insert(0, str(REPOSITORY / "Protocol" / "reference"))
sys.dont_write_bytecode = True

import highwater  # noqa: E402
import section as specification  # noqa: E402  Protocol/reference/section.py
from highwater import _kernel, _ledger  # noqa: E402

# No agent of this machine shall hear of the tests.
os.environ["HIGHWATER_SOCKET"] = ""

MIB = 1 << 20
HAS_MARK = _kernel.OwnMemory().read()[0] is not None and os.access("/proc/self/clear_refs", os.W_OK)
needs_mark = unittest.skipUnless(HAS_MARK, "this kernel does not let a process reset its mark")


def tolerance_bytes() -> int:
    """How far a peak and its growth may be from what the C code took.

    The mark is kept by the kernel's quick sum: since Linux 6.2 each processor may hold back
    max(32, 2 x processors) pages of each kind, and the mark lacks what it holds; with two
    processors that is 256 KiB for each of three kinds. What the interpreter itself touches
    meanwhile, some pages for objects and stacks, has room in it.
    """
    return _kernel.rough_sum_kib() * 1024


class Memory:
    """Memory of known size, by the C code beside this file."""

    def __init__(self) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise unittest.SkipTest("no C compiler")
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "memory.so")
            source = str(FOLDER / "memory.c")
            subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
            # Loaded by ctypes, its calls leave the interpreter's lock to other threads.
            code = ctypes.CDLL(library)
        self._take = code.memory_take
        self._take.argtypes, self._take.restype = [ctypes.c_size_t], ctypes.c_void_p
        self._give = code.memory_give
        self._give.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._spike = code.memory_spike
        self._spike.argtypes = [ctypes.c_size_t]

    def take(self, size: int) -> Tuple[int, int]:
        """Takes so many bytes and keeps them."""
        start = self._take(size)
        if not start:
            raise MemoryError(size)
        return start, size

    def give(self, piece: Tuple[int, int]) -> None:
        """Gives back what was taken."""
        if self._give(*piece) != 0:
            raise OSError("munmap")

    def spike(self, size: int) -> None:
        """Takes and gives back at once."""
        if self._spike(size) != 0:
            raise MemoryError(size)


_memory: Optional[Memory] = None


def memory() -> Memory:
    """The one that all tests share, compiled when the first of them needs it."""
    global _memory
    if _memory is None:
        _memory = Memory()
    return _memory


@contextlib.contextmanager
def procfs(files: Dict[str, Optional[str]]) -> Iterator[str]:
    """Another folder for what the module reads: each file holds a text, or is the real one (None).

    The ledger is a new one within, and another new one after.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            if text is None:
                os.symlink(f"/proc/self/{name}", os.path.join(folder, name))
            else:
                Path(folder, name).write_text(text)
        before = _kernel.FOLDER
        _kernel.FOLDER = folder
        _ledger._start_anew()
        try:
            yield folder
        finally:
            _kernel.FOLDER = before
            _ledger._start_anew()


class Listener:
    """An agent's socket, and what arrived at it."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "sections.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def __enter__(self) -> "Listener":
        self._before = os.environ["HIGHWATER_SOCKET"]
        os.environ["HIGHWATER_SOCKET"] = self.path
        _ledger._start_anew()
        return self

    def __exit__(self, *_: object) -> None:
        os.environ["HIGHWATER_SOCKET"] = self._before
        self.socket.close()
        shutil.rmtree(self.folder)

    def datagrams(self) -> List[bytes]:
        """All that has arrived: a Unix datagram is there when the sender's call returns."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536))
            except BlockingIOError:
                return found


def in_child(work: Callable[[], Any]) -> str:
    """What `work` gives in a forked child, as text; an error there fails here."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            os.write(writing, str(work()).encode())
            status = 0
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    if os.waitpid(child, 0)[1] != 0:
        raise AssertionError(text)
    return text


def python(code: str, *arguments: str, **environment: str) -> str:
    """The output of a program in this interpreter, which must end well."""
    paths = [] if os.environ.get("HIGHWATER_INSTALLED") else [str(FOLDER.parent)]
    paths += os.environ["PYTHONPATH"].split(":") if os.environ.get("PYTHONPATH") else []
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={
            **os.environ,
            "PYTHONPATH": ":".join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        # Of the current folder a program given by -c would import, too.
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=120,
    )
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"exit {result.returncode}: {result.stderr}")
    return result.stdout


__all__ = [
    "FOLDER",
    "HAS_MARK",
    "Listener",
    "MIB",
    "REPOSITORY",
    "highwater",
    "in_child",
    "memory",
    "needs_mark",
    "procfs",
    "python",
    "specification",
    "tolerance_bytes",
]
