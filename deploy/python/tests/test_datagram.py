"""What an agent on the same host is told, beside the specification's vectors."""

import json
import os
import signal
import socket
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, List
from unittest import mock

from harness import (
    MIB,
    REPOSITORY,
    Listener,
    highwater,
    memory,
    needs_mark,
    procfs,
    python,
    specification,
)
from highwater import _datagram, _kernel, _ledger

VECTORS = REPOSITORY / "Protocol" / "vectors" / "section-v1"


def vectors(folder: Path) -> List["tuple[str, Dict[str, Any]]"]:
    """The vectors of a folder by name."""
    return [
        (path.name, json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.json"))
    ]


def given_name(vector: Dict[str, Any]) -> str:
    """What the section of a vector was called, as Python has it."""
    name = vector.get("givenName", vector["fields"].get("name"))
    return os.fsdecode(bytes.fromhex(name["hex"])) if isinstance(name, dict) else str(name)


def send(vector: Dict[str, Any]) -> None:
    """Has the module send what a vector means."""
    fields = vector["fields"]
    sender = _datagram.Sender()
    sender._start_ticks = fields["startTicks"]
    sender._unsent_count = fields["unsentCount"]
    with mock.patch.object(os, "getpid", return_value=fields["pid"]):
        if fields["kind"] == "reset":
            nanoseconds = fields["at"] * 1000
            with mock.patch.object(_kernel, "boot_nanoseconds", return_value=nanoseconds):
                sender.send_reset(fields["lifetimeKiB"])
            return
        peak = highwater.Peak(given_name(vector))
        peak._started, peak._ended = fields["startedAt"] * 1000, fields["endedAt"] * 1000
        peak._start_kib, peak._end_kib = fields["startKiB"], fields["endKiB"]
        peak._most_kib, peak._base_kib = fields["peakKiB"], None
        peak._bound_kib = 0 if fields["method"] == "mark" else 1 << 60
        peak._is_disturbed = fields["method"] == "mark" and not fields["exact"]
        peak.is_shared = fields["shared"]
        sender.send_section(peak, fields["lifetimeKiB"], fields["markReset"])


class VectorTests(unittest.TestCase):
    """Protocol/vectors/section-v1."""

    def test_the_module_sends_the_very_bytes_of_each_canonical_vector(self) -> None:
        count = 0
        with Listener() as listener:
            for name, vector in vectors(VECTORS):
                if vector["canonical"]:
                    with self.subTest(name):
                        send(vector)
                        self.assertEqual(listener.datagrams(), [specification.vector_bytes(vector)])
                        count += 1
        self.assertGreaterEqual(count, 16)

    def test_the_specifications_decoder_agrees_with_every_vector(self) -> None:
        for folder in (VECTORS, VECTORS / "invalid"):
            found = vectors(folder)
            self.assertGreater(len(found), 16)
            for name, vector in found:
                with self.subTest(name):
                    self.assertEqual(specification.check_vector(vector), "")

    def test_no_name_makes_a_datagram_that_is_refused(self) -> None:
        names = [
            "x",
            "\0" * 300,
            "\x7f" * 300,
            '"' * 300,
            "\ud800",
            "a" * 255 + "\ud800",
            "\udcff" * 300,
            "a" * 254 + "\udcc3\udc9f",
            "a" * 254 + "ß" + "\udcff",
            "a" * 255 + "ß" + "\udcff",
            "a" * 255 + "\U0001f40d",
            "\U0001f40d" * 100,
        ]
        with Listener() as listener:
            for name in names:
                with highwater.peak(name):
                    pass
                for data in listener.datagrams():
                    fields = specification.decode(data)
                self.assertEqual(fields["kind"], "section")
                self.assertLess(len(data), 2100)


class SendingTests(unittest.TestCase):
    """Real sections, a real socket."""

    @needs_mark
    def test_a_section_tells_its_figures_and_the_mark_from_before_the_reset(self) -> None:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        memory().spike(128 * MIB)
        with Listener() as listener:
            before = highwater.run_peak() or 0
            with highwater.peak("told") as peak:
                memory().spike(32 * MIB)
                early = [specification.decode(data) for data in listener.datagrams()]
            (section,) = [specification.decode(data) for data in listener.datagrams()]
            with highwater.peak("second"):
                self.assertEqual(listener.datagrams(), [], "the lifetime's peak is told already")
            (second,) = [specification.decode(data) for data in listener.datagrams()]
        self.assertEqual([(m["kind"], m["lifetimeKiB"] * 1024) for m in early], [("reset", before)])
        self.assertEqual(section["lifetimeKiB"] * 1024, before)
        self.assertEqual(second["lifetimeKiB"] * 1024, before)
        self.assertEqual(
            (section["peakKiB"], section["startKiB"], section["endKiB"]),
            tuple((n or 0) // 1024 for n in (peak.peak_bytes, peak.start_bytes, peak.end_bytes)),
        )
        self.assertLess(section["peakKiB"] * 1024, before)
        duration = (section["endedAt"] - section["startedAt"]) / 1e6
        self.assertAlmostEqual(duration, peak.seconds, delta=2e-6)
        self.assertTrue(section["exact"] and section["markReset"])
        self.assertEqual(section["pid"], os.getpid())
        self.assertEqual(section["unsentCount"], 0)

    def test_the_process_is_named_by_the_kernels_start_ticks_whatever_its_name(self) -> None:
        code = """if True:
            import highwater, os
            with open("/proc/self/comm", "w") as file:
                file.write(") 1 (x) R")
            with highwater.peak("odd"):
                pass
            text = open("/proc/self/stat").read()
            print(os.getpid(), text[text.rindex(")") + 2:].split()[19])
        """
        with Listener() as listener:
            pid, ticks = map(int, python(code, HIGHWATER_SOCKET=listener.path).split())
            found = [specification.decode(data) for data in listener.datagrams()]
        self.assertEqual({(m["pid"], m["startTicks"]) for m in found}, {(pid, ticks)})

    def test_a_section_that_fails_is_told_too(self) -> None:
        with Listener() as listener:
            with self.assertRaises(ValueError):
                with highwater.peak("fails"):
                    raise ValueError
            self.assertEqual(json.loads(listener.datagrams()[-1])["name"], "fails")

    def test_sampled_sections_say_so(self) -> None:
        memory().spike(128 * MIB)
        with Listener() as listener:
            with procfs({"status": None, "statm": None, "stat": None}):
                with highwater.peak("sampled"):
                    pass
            (section,) = [specification.decode(data) for data in listener.datagrams()]
        self.assertEqual(
            (section["method"], section["exact"], section["markReset"]),
            ("sampled", False, False),
        )
        self.assertGreater(section["lifetimeKiB"], 128 * 1024)

    def test_without_a_mark_the_lifetimes_peak_is_not_known(self) -> None:
        status = "Name:\tpython3\nPid:\t7\n"
        with Listener() as listener:
            with procfs({"status": status, "statm": None, "stat": None, "clear_refs": None}):
                with highwater.peak("sampled"):
                    pass
            (section,) = [specification.decode(data) for data in listener.datagrams()]
        self.assertIsNone(section["lifetimeKiB"])
        self.assertGreater(section["peakKiB"], 0)

    def test_a_process_that_is_killed_in_its_section_has_told_its_peak_before(self) -> None:
        code = """if True:
            import highwater, os, signal
            bytearray(128 << 20)
            with highwater.peak("killed"):
                os.kill(os.getpid(), signal.SIGKILL)
        """
        with Listener() as listener:
            with self.assertRaisesRegex(AssertionError, f"exit -{int(signal.SIGKILL)}"):
                python(code, HIGHWATER_SOCKET=listener.path)
            found = [specification.decode(data) for data in listener.datagrams()]
        self.assertEqual([message["kind"] for message in found], ["reset"])
        self.assertGreater(found[0]["lifetimeKiB"], 128 * 1024)

    def test_a_full_socket_never_blocks_and_what_is_lost_is_counted(self) -> None:
        with Listener() as listener:
            rounds = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) + 8
            for _ in range(rounds):
                with highwater.peak("full"):
                    pass
            taken = [specification.decode(data) for data in listener.datagrams()]
            with highwater.peak("room again"):
                pass
            last = specification.decode(listener.datagrams()[-1])
        sections = [message for message in taken if message["kind"] == "section"]
        self.assertLess(len(sections), rounds)
        self.assertEqual(last["name"], "room again")
        self.assertGreaterEqual(last["unsentCount"], rounds - len(sections))

    def test_it_is_silent_where_nobody_listens(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "plain")
            Path(plain).write_text("not a socket")
            left = os.path.join(folder, "left")
            gone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            gone.bind(left)
            gone.close()
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stream.bind(os.path.join(folder, "stream"))
            stream.listen(1)
            paths = ["", plain, left, stream.getsockname(), folder, folder + "/none", "x" * 5000]
            code = "import highwater\nwith highwater.peak('quiet'): pass\n"
            for path in paths:
                with self.subTest(path[:80]):
                    self.assertEqual(python(code, HIGHWATER_SOCKET=path), "")
            stream.close()
            self.assertEqual(Path(plain).read_text(), "not a socket")

    def test_no_descriptor_is_kept_for_sending(self) -> None:
        with Listener():
            with highwater.peak("one"):
                pass
            before = sorted(os.listdir("/proc/self/fd"))
            with highwater.peak("two"):
                pass
            self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)
            self.assertEqual(list(_ledger.current().open), [])


if __name__ == "__main__":
    unittest.main()
