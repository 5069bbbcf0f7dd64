#!/usr/bin/env python3
"""A second definition of Highwater's frames, version 1.

This program was written from `Protocol/frame-v1.md` alone and shares nothing with the programs
that speak the protocol. It uses Python's standard library only (3.9 or later).

    decode.py FILE|-       prints each frame of a capture as one line of JSON
    decode.py --check DIR  checks every vector of a directory against its meaning
    decode.py --self-test  checks the parts that have published values

A capture is raw bytes, or text of hex pairs with `#` comments. It may begin with the preface.
Exit status: 0 all well, 1 the input breaks a rule or a check failed, 2 used wrongly.

The file reads from the bottom layer up: numbers of the specification, errors, checksum, elements
of a payload, one function for each frame type, the frame itself, the session, then the tool.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import uuid
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

Fields = Dict[str, Any]

# --- Numbers of the specification -----------------------------------------------------------

PREFACE = b"\x89HWM\r\n\x1a\n"
MAGIC = b"HW"
HEADER_BYTES = 24
FLAG_COMPRESSED = 0x01
SPOKEN_MAJOR = 1
KNOWN_FEATURES = 0

LIMITS: Dict[str, int] = {
    "maximumWireBytes": 262_144,
    "maximumRawBytes": 1_048_576,
    "maximumBytesBeforeWelcome": 4_096,
    "agentWireBytes": 16_384,
    "maximumSlots": 1_048_576,
    "maximumDefinesPerFrame": 4_096,
    "maximumStringsPerFrame": 32_768,
    "maximumStringBytes": 4_096,
    "maximumTicksPerFrame": 60,
    "maximumCountersPerFrame": 1_024,
    "maximumTotalsPerFrame": 4_096,
    "maximumSharesPerTotal": 10,
    "maximumCgroupsPerFrame": 4_096,
    "maximumCoveredPerFrame": 4_096,
    "maximumKillsPerFrame": 1_024,
    "maximumGapsPerFrame": 1_024,
    "maximumFoldsPerFrame": 1_024,
    "maximumStepsPerFold": 432,
    "maximumResetsPerFrame": 64,
    "maximumSectionsPerFrame": 1_024,
    "maximumGrowthRunsPerFrame": 256,
    "maximumCodesPerFrame": 16_384,
    "maximumLinesPerRun": 256,
    "maximumLabels": 32,
    "maximumExtensions": 16,
    "maximumExtensionBytes": 1_024,
    "maximumCredit": 65_536,
    "maximumRetryAfterMilliseconds": 86_400_000,
    "tlsDeadlineMilliseconds": 5_000,
    "helloDeadlineMilliseconds": 5_000,
    "frameDeadlineMilliseconds": 10_000,
    "frameBytesPerSecond": 2_048,
    "idleDeadlineMilliseconds": 45_000,
    "pingIntervalMilliseconds": 15_000,
}
"""Section 9, by name. `--check` compares this with the table in the text."""

ERROR_NAMES: Dict[int, str] = {
    1: "notHighwater", 2: "badHeader", 3: "frameTooLarge", 4: "badChecksum", 5: "badCompression",
    6: "badSequence", 7: "unknownType", 8: "unexpectedFrame", 9: "badPayload",
    10: "versionUnsupported", 11: "featureRequired", 12: "limitExceeded", 13: "timeout",
    14: "notAuthenticated", 15: "notAuthorized", 16: "identityConflict", 17: "replaced",
    18: "busy", 19: "storeUnavailable", 20: "internalError", 21: "badIdentity",
    22: "toldByAgent",
}
"""Section 8."""

TYPE_NAMES: Dict[int, str] = {
    0x01: "HELLO", 0x02: "WELCOME", 0x03: "ERROR", 0x04: "PING", 0x05: "PONG", 0x06: "GOODBYE",
    0x07: "ACK", 0x08: "RESET", 0x10: "HOST", 0x11: "DEFINE", 0x12: "STATE_END",
    0x13: "SAMPLES", 0x14: "PEAKS", 0x15: "WINDOWS", 0x16: "COVERED", 0x17: "EXIT",
    0x18: "FOLD", 0x19: "TOTALS", 0x1A: "CGROUP", 0x1B: "OOM", 0x1C: "COUNTERS", 0x1D: "HEALTH", 0x1E: "GAP",
    0xA0: "SECTIONS", 0xA1: "PYTHON_GROWTH",
}
"""Section 5. `--check` compares this with the headings of the text."""

SENDERS: Dict[str, str] = {
    "HELLO": "A", "WELCOME": "C", "ERROR": "AC", "PING": "AC", "PONG": "AC", "GOODBYE": "AC",
    "ACK": "C", "RESET": "C", "HOST": "A", "DEFINE": "A", "STATE_END": "A", "SAMPLES": "A",
    "PEAKS": "A", "WINDOWS": "A", "COVERED": "A", "EXIT": "A", "FOLD": "A", "TOTALS": "A",
    "CGROUP": "A", "OOM": "A", "COUNTERS": "A", "HEALTH": "A", "GAP": "A",
    "SECTIONS": "A", "PYTHON_GROWTH": "A",
}
"""Which side may send a type: A = agent, C = collector."""

FIRST_IGNORABLE_TYPE = 0x80
KNOWN_RESTRICTIONS = 0b1011111
KNOWN_FLAGS = 0b11_1111
KNOWN_SECTION_FLAGS = 0b111
KNOWN_EVIDENCE = 0b111
KNOWN_AGENT_SOURCES = 0b11_1111
KNOWN_COUNTERS = range(1, 24)  # registry.md, reasons of COUNTERS
AGENT_STOPS, COLLECTOR_STOPS = 1, 2
SOURCES: Dict[int, str] = {1: "sampled", 2: "cgroup", 3: "hwm", 4: "exit"}
CGROUP_SOURCES: Dict[int, Optional[str]] = {0: None, 1: "sampled", 2: "cgroup"}
SECTION_SOURCES: Dict[int, str] = {1: "sampled", 3: "hwm"}
FOLD_SOURCES: Dict[int, Optional[str]] = {0: None, **SOURCES}
PAST_EXTENSION = 1
COMMAND_EXTENSION = 2
EXIT_REASONS: Dict[int, str] = {1: "exited", 2: "executed", 3: "unobserved", 4: "rebooted"}
WINDOW_LENGTHS: Dict[int, str] = {1: "minute", 2: "hour"}
WINDOW_MILLISECONDS = {"minute": 60_000, "hour": 3_600_000}
TOTAL_KINDS: Dict[int, str] = {1: "host", 2: "hostUsed", 3: "user", 4: "program", 5: "cgroup"}
NAMELESS_KINDS = ("host", "hostUsed")
CONSTRAINTS: Dict[int, Optional[str]] = {0: None, 1: "host", 2: "cgroup", 3: "nodes"}
GAP_REASONS: Dict[int, str] = {
    1: "exitRecordsLost", 2: "processEventsLost", 3: "agentDown", 4: "dropped",
}
MAXIMUM_U32 = 2**32 - 1
MAXIMUM_U64 = 2**64 - 1
MAXIMUM_PID = 2**31 - 1
MAXIMUM_LINE = 2**31 - 1
MAXIMUM_BOOT_TIME = 2**63 - 1
MAXIMUM_KIB = 2**54 - 1
HOST_ID = re.compile(rb"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")


# --- Errors ---------------------------------------------------------------------------------


class ProtocolError(Exception):
    """A rule of the specification is broken.

    `name` is an error name of section 8. `offset` is where the field at fault begins: for a field
    of the header from the frame's first byte, for a field of the payload (badPayload) from the
    first byte of the inflated payload. None where no one field is at fault.
    """

    def __init__(self, name: str, text: str, offset: Optional[int] = None) -> None:
        super().__init__(text)
        self.name = name
        self.text = text
        self.offset = offset


class Incomplete(Exception):
    """The input ends inside of a frame. A live connection would wait for more."""


class InputError(Exception):
    """A file is not what the tool can read; nothing is said about the protocol."""


# --- Checksum (section 3) -------------------------------------------------------------------


def crc32c_table() -> List[int]:
    """The remainders of all bytes for polynomial 0x1EDC6F41, reflected."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC32C_TABLE = crc32c_table()


def crc32c(*parts: bytes) -> int:
    """CRC-32C over the parts one after the other."""
    value = 0xFFFFFFFF
    for part in parts:
        for byte in part:
            value = CRC32C_TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


# --- Elements of a payload (section 4) ------------------------------------------------------


class Reader:
    """Takes the elements of section 4 off the front of one inflated payload."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.position = 0

    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self.payload) - self.position

    def fail(self, text: str, start: int) -> ProtocolError:
        """The error for the element that began at `start`."""
        return ProtocolError("badPayload", text, start)

    def take(self, size: int, what: str) -> bytes:
        """Exactly `size` bytes."""
        if size > self.left():
            raise self.fail(f"{what}: the payload ends too early", self.position)
        start = self.position
        self.position += size
        return self.payload[start : self.position]

    def u8(self, what: str) -> int:
        """One byte."""
        return self.take(1, what)[0]

    def u64(self, what: str) -> int:
        """Eight bytes, big-endian."""
        return int.from_bytes(self.take(8, what), "big")

    def id128(self, what: str) -> uuid.UUID:
        """Sixteen bytes that name something."""
        return uuid.UUID(bytes=self.take(16, what))

    def uint(self, what: str, least: int = 0, most: int = MAXIMUM_U64) -> int:
        """Unsigned LEB128 in its shortest form, within `least` to `most`."""
        start = self.position
        value = 0
        for index in range(10):
            if not self.left():
                raise self.fail(f"{what}: the payload ends too early", start)
            byte = self.u8(what)
            if index == 9 and byte > 1:
                raise self.fail(f"{what}: a number of more than 64 bits", start)
            value |= (byte & 0x7F) << (7 * index)
            if byte & 0x80:
                continue
            if byte == 0 and index > 0:
                raise self.fail(f"{what}: not the shortest form of {value}", start)
            if not least <= value <= most:
                raise self.fail(f"{what}: {value} is not in {least} to {most}", start)
            return value
        raise AssertionError("the tenth byte ends a number or breaks a rule")

    def signed(self, what: str) -> int:
        """A signed number of 64 bits, folded so that small magnitudes are short."""
        folded = self.uint(what)
        return (folded >> 1) ^ -(folded & 1)

    def opt(self, what: str, most: int = MAXIMUM_U64 - 1) -> Optional[int]:
        """A value that may be missing (None)."""
        stored = self.uint(what, 0, most + 1)
        return None if stored == 0 else stored - 1

    def octets(self, what: str, most: int) -> bytes:
        """A length of at most `most` and so many bytes."""
        start = self.position
        size = self.uint(f"{what} length", 0, most)
        if size > self.left():
            raise self.fail(f"{what}: {size} bytes, {self.left()} are left", start)
        return self.take(size, what)

    def count(self, what: str, smallest: int, least: int = 0, most: int = MAXIMUM_U64) -> int:
        """A number of elements of at least `smallest` bytes each, all of which can be there."""
        start = self.position
        value = self.uint(what, least, most)
        if value * smallest > self.left():
            text = f"{what}: {value} times {smallest} bytes, {self.left()} are left"
            raise self.fail(text, start)
        return value

    def slots(self, what: str, size: int, below: int = LIMITS["maximumSlots"]) -> List[int]:
        """`size` numbers in strictly ascending order, all less than `below`."""
        taken: List[int] = []
        for _ in range(size):
            start = self.position
            step = self.uint(what)
            value = taken[-1] + 1 + step if taken else step
            if value >= below:
                raise self.fail(f"{what}: {value} is not below {below}", start)
            taken.append(value)
        return taken

    def ordinals(self, what: str, size: int) -> List[int]:
        """`size` numbers in strictly ascending order, of 64 bits each."""
        taken: List[int] = []
        for _ in range(size):
            start = self.position
            step = self.uint(what)
            value = taken[-1] + 1 + step if taken else step
            if value > MAXIMUM_U64:
                raise self.fail(f"{what}: {value} has more than 64 bits", start)
            taken.append(value)
        return taken

    def column(self, size: int, element: Callable[[], Any]) -> List[Any]:
        """`size` elements one after the other; the caller has checked that they can be there."""
        return [element() for _ in range(size)]

    def choice(self, what: str, names: Dict[int, Any]) -> Any:
        """One byte that stands for a name."""
        start = self.position
        value = self.u8(what)
        if value not in names:
            raise self.fail(f"{what}: {value} means nothing", start)
        return names[value]

    def bits(self, what: str, most: int) -> int:
        """One byte with at least one bit set and none outside of `most`."""
        start = self.position
        value = self.u8(what)
        if value == 0 or value & ~most:
            raise self.fail(f"{what}: {value:#04x} is empty or has unknown bits", start)
        return value

    def extensions(self) -> List[Fields]:
        """Numbered additions, of which none are defined."""
        count = self.count("extensions", 2, 0, LIMITS["maximumExtensions"])
        taken: List[Fields] = []
        for _ in range(count):
            start = self.position
            number = self.uint("extension id")
            if taken and number <= taken[-1]["id"]:
                raise self.fail(f"extension id {number} is not above the one before", start)
            value = self.octets("extension", LIMITS["maximumExtensionBytes"])
            taken.append({"id": number, "value": value})
        return taken

    def end(self) -> None:
        """Every payload ends with its last field."""
        if self.left():
            raise self.fail(f"{self.left()} bytes are left over", self.position)


# --- Frame types (section 5) ----------------------------------------------------------------


def read_hello(reader: Reader) -> Fields:
    """0x01: the first frame of an agent. The session judges the version and the identity.

    All versions share its layout up to the extensions. What follows is read only if this version
    is one of those that are offered.
    """
    lowest = reader.u8("lowestMajor")
    start = reader.position
    highest = reader.u8("highestMajor")
    if highest < lowest:
        raise reader.fail(f"highestMajor {highest} is below lowestMajor {lowest}", start)
    fields: Fields = {"lowestMajor": lowest, "highestMajor": highest}
    fields["requiredFeatures"] = reader.uint("requiredFeatures")
    fields["offeredFeatures"] = reader.uint("offeredFeatures")
    fields["epoch"] = reader.u64("epoch")
    fields["boot"] = reader.id128("boot")
    fields["hostID"] = reader.octets("hostID", 64)
    fields["hostName"] = reader.octets("hostName", 255)
    fields["agentVersion"] = reader.octets("agentVersion", 64)
    if lowest <= SPOKEN_MAJOR <= highest:
        start = reader.position
        fields["extensions"] = reader.extensions()
        for extension in fields["extensions"]:
            if extension["id"] in (PAST_EXTENSION, COMMAND_EXTENSION) and extension["value"]:
                raise reader.fail("an extension that has no value has one", start)
        ids = {extension["id"] for extension in fields["extensions"]}
        if COMMAND_EXTENSION in ids and PAST_EXTENSION not in ids:
            raise reader.fail("the extension command without past", start)
    else:
        fields["extensions"] = []
        reader.position = len(reader.payload)
    return fields


def read_welcome(reader: Reader) -> Fields:
    """0x02: the answer to an accepted HELLO."""
    return {
        "major": reader.u8("major"),
        "features": reader.uint("features"),
        "storeID": reader.id128("storeID"),
        "maximumWireBytes": reader.uint(
            "maximumWireBytes", LIMITS["maximumBytesBeforeWelcome"], LIMITS["maximumWireBytes"]
        ),
        "maximumRuns": reader.uint("maximumRuns", 1, LIMITS["maximumSlots"]),
        "credit": reader.uint("credit", 0, LIMITS["maximumCredit"]),
        "pingIntervalMilliseconds": reader.uint("pingIntervalMilliseconds", 1_000, 60_000),
        "collectorVersion": reader.octets("collectorVersion", 64),
        "extensions": reader.extensions(),
    }


def read_retry_after(reader: Reader) -> int:
    """Milliseconds to wait before connecting again; 0 leaves it to the class of the error."""
    return reader.uint("retryAfterMilliseconds", 0, LIMITS["maximumRetryAfterMilliseconds"])


def read_error(reader: Reader) -> Fields:
    """0x03: why the sender ends the session."""
    return {
        "code": reader.uint("code", 0, 65_535),
        "retryAfterMilliseconds": read_retry_after(reader),
        "text": reader.octets("text", 512),
    }


def read_token(reader: Reader) -> Fields:
    """0x04 and 0x05: PING, and the PONG that answers it."""
    return {"token": reader.u64("token")}


def read_goodbye(reader: Reader) -> Fields:
    """0x06: the sender goes, in order. A reason that is not known is taken as the collector's."""
    reason = reader.uint("reason")
    return {
        "reason": AGENT_STOPS if reason == AGENT_STOPS else COLLECTOR_STOPS,
        "retryAfterMilliseconds": read_retry_after(reader),
    }


def read_ack(reader: Reader) -> Fields:
    """0x07: what is durable, and how much more may be under way."""
    return {
        "sequence": reader.uint("sequence"),
        "credit": reader.uint("credit", 0, LIMITS["maximumCredit"]),
    }


def read_labels(reader: Reader) -> List[Fields]:
    """Labels of a host, strictly ascending by the bytes of their keys."""
    count = reader.count("labels", 2, 0, LIMITS["maximumLabels"])
    taken: List[Fields] = []
    for _ in range(count):
        start = reader.position
        key = reader.octets("label key", 64)
        if taken and key <= taken[-1]["key"]:
            raise reader.fail("a label's key is not above the one before", start)
        taken.append({"key": key, "value": reader.octets("label value", 256)})
    return taken


def read_host(reader: Reader) -> Fields:
    """0x10: what the host is and how it is watched."""
    return {
        "wallMinusBootMilliseconds": reader.signed("wallMinusBootMilliseconds"),
        "memoryTotalBytes": reader.uint("memoryTotalBytes"),
        "swapTotalBytes": reader.uint("swapTotalBytes"),
        "processorCount": reader.uint("processorCount", 0, 1_048_576),
        "ticksPerSecond": reader.uint("ticksPerSecond", 1, 1_000_000),
        "intervalMilliseconds": reader.uint("intervalMilliseconds", 1, 86_400_000),
        "restrictions": reader.uint("restrictions") & KNOWN_RESTRICTIONS,
        "kernelRelease": reader.octets("kernelRelease", 128),
        "name": reader.octets("name", 255),
        "labels": read_labels(reader),
    }


NAME_COLUMNS = (
    "program", "comm", "executable", "command", "user", "cgroup", "unit", "container",
)


def read_strings(reader: Reader) -> List[bytes]:
    """The names of a frame. That each is there once is the sender's duty and not checked."""
    count = reader.count("stringCount", 1, 0, LIMITS["maximumStringsPerFrame"])
    return reader.column(count, lambda: reader.octets("string", LIMITS["maximumStringBytes"]))


def read_name(reader: Reader, what: str, strings: List[bytes]) -> Optional[bytes]:
    """One reference into the strings of a frame; None is a missing name."""
    least = 1 if what in ("program", "comm") else 0
    return read_index(reader, what, strings, least)


def read_index(
    reader: Reader, what: str, strings: List[bytes], least: int = 0
) -> Optional[bytes]:
    """One reference into the strings of a frame, of at least `least`."""
    stored = reader.uint(what, least, len(strings))
    return None if stored == 0 else strings[stored - 1]


def read_define(reader: Reader) -> Fields:
    """0x11: what runs there are, and the slot of each."""
    count = reader.count("count", 17, 1, LIMITS["maximumDefinesPerFrame"])
    strings = read_strings(reader)
    columns: Dict[str, List[Any]] = {"slot": reader.slots("slot", count)}
    elements: List[Tuple[str, Callable[[str], Any]]] = [
        ("pid", lambda what: reader.uint(what, 1, MAXIMUM_PID)),
        ("startTicks", lambda what: reader.uint(what)),
        ("image", lambda what: reader.uint(what, 0, MAXIMUM_U32)),
        ("startedAt", lambda what: reader.opt(what, MAXIMUM_BOOT_TIME)),
        ("parentPid", lambda what: reader.opt(what, MAXIMUM_PID)),
        ("userID", lambda what: reader.opt(what, MAXIMUM_U32)),
        ("inheritedKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        ("flags", lambda what: reader.uint(what) & KNOWN_FLAGS),
    ]
    elements += [(name, lambda what: read_name(reader, what, strings)) for name in NAME_COLUMNS]
    for name, element in elements:
        columns[name] = reader.column(count, lambda: element(name))
    return {"runs": rows(columns, count)}


def rows(columns: Dict[str, List[Any]], count: int) -> List[Fields]:
    """Columns turned into one dictionary for each run."""
    return [{name: column[index] for name, column in columns.items()} for index in range(count)]


def read_state_end(reader: Reader) -> Fields:
    """0x12: the end of the full state."""
    return {"liveCount": reader.uint("liveCount")}


def read_masks(reader: Reader, count: int, most: int) -> Tuple[List[int], List[int]]:
    """Slots, and for each which fields follow: at least one bit, none above those of `most`."""
    slots = reader.slots("slot", count)
    return slots, reader.column(count, lambda: reader.bits("mask", most))


def read_tick_times(reader: Reader) -> List[int]:
    """The boot times of a frame's ticks, each later than the one before."""
    size = reader.count("tickCount", 3, 1, LIMITS["maximumTicksPerFrame"])
    times = [reader.uint("firstTick", 0, MAXIMUM_BOOT_TIME)]
    for _ in range(size - 1):
        times.append(times[-1] + reader.uint("tickSteps", 1, MAXIMUM_BOOT_TIME - times[-1]))
    return times


def read_tick(reader: Reader) -> List[Fields]:
    """The runs that changed at one tick; a field that did not change is left out."""
    count = reader.count("count", 3)
    slots, masks = read_masks(reader, count, 0b1_1111)
    runs: List[Fields] = [{"slot": slot} for slot in slots]
    elements: List[Tuple[int, str, Callable[[str], Any]]] = [
        (1, "residentKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        (2, "swapKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        (4, "processorMilliseconds", reader.uint),
        (8, "fileKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        (16, "proportionalKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
    ]
    for bit, name, element in elements:
        for run, mask in zip(runs, masks):
            if mask & bit:
                run[name] = element(name)
    return runs


def read_samples(reader: Reader) -> Fields:
    """0x13: what changed at one or more ticks."""
    times = read_tick_times(reader)
    available = reader.column(len(times), lambda: reader.opt("availableKiB", MAXIMUM_KIB))
    return {"ticks": [
        {"at": time, "availableKiB": kib, "samples": read_tick(reader)}
        for time, kib in zip(times, available)
    ]}


def read_brackets(reader: Reader, base: int, ages: List[int]) -> List[Fields]:
    """The brackets that end `ages` before `base`; their widths are taken here."""
    taken: List[Fields] = []
    for age in ages:
        start = reader.position
        width = reader.uint("width")
        if width > base - age:
            raise reader.fail("a bracket begins before boot time 0", start)
        taken.append({"notBefore": base - age - width, "notAfter": base - age})
    return taken


def read_ages(reader: Reader, base: int, size: int) -> List[int]:
    """How long before `base` each of `size` brackets ends; none ends before boot time 0."""
    return reader.column(size, lambda: reader.uint("age", 0, base))


def read_peaks(reader: Reader) -> Fields:
    """0x14: the highest marks of runs and when they were reached."""
    base = reader.uint("baseTime", 0, MAXIMUM_BOOT_TIME)
    count = reader.count("count", 3, 1)
    slots, masks = read_masks(reader, count, 3)
    with_peak = sum(mask & 1 for mask in masks)
    kib = reader.column(with_peak, lambda: reader.uint("residentKiB", 0, MAXIMUM_KIB))
    sources = reader.column(with_peak, lambda: reader.choice("source", SOURCES))
    brackets = read_brackets(reader, base, read_ages(reader, base, with_peak))
    peaks = iter([
        {"residentKiB": value, "source": source, **bracket}
        for value, source, bracket in zip(kib, sources, brackets)
    ])
    swaps = [reader.uint("swapKiB", 0, MAXIMUM_KIB) if mask & 2 else None for mask in masks]
    return {"runs": [
        {"slot": slot, "peak": next(peaks) if mask & 1 else None, "swapKiB": swap}
        for slot, mask, swap in zip(slots, masks, swaps)
    ]}


def read_window_start(reader: Reader, length: str, last: Optional[int] = None) -> int:
    """Where a window begins: in boot time, or beside the place next to the window at `last`."""
    place = reader.position
    width = WINDOW_MILLISECONDS[length]
    start = reader.signed("start") + (0 if last is None else last + width)
    if not 1 <= start + width <= MAXIMUM_BOOT_TIME:
        raise reader.fail("a window ends at no boot time", place)
    if last is not None and start <= last:
        raise reader.fail("windows do not ascend", place)
    return start


def read_windows(reader: Reader) -> Fields:
    """0x15: the most that runs held within one window of time."""
    length = reader.choice("length", WINDOW_LENGTHS)
    start = read_window_start(reader, length)
    count = reader.count("count", 3, 1)
    slots = reader.slots("slot", count)
    least = reader.column(count, lambda: reader.uint("atLeastKiB", 0, MAXIMUM_KIB))
    above = [reader.opt("aboveKiB", MAXIMUM_KIB - low) for low in least]
    return {"length": length, "start": start, "runs": [
        {"slot": slot, "atLeastKiB": low, "atMostKiB": None if more is None else low + more}
        for slot, low, more in zip(slots, least, above)
    ]}


def read_covered(reader: Reader) -> Fields:
    """0x16: windows of time that were watched throughout."""
    length = reader.choice("length", WINDOW_LENGTHS)
    count = reader.count("count", 2, 1, LIMITS["maximumCoveredPerFrame"])
    starts: List[int] = []
    for _ in range(count):
        starts.append(read_window_start(reader, length, starts[-1] if starts else None))
    live = reader.column(count, lambda: reader.uint("liveCount"))
    return {"length": length, "windows": [
        {"start": start, "liveCount": number} for start, number in zip(starts, live)
    ]}


def read_exit(reader: Reader) -> Fields:
    """0x17: runs that are over."""
    base = reader.uint("baseTime", 0, MAXIMUM_BOOT_TIME)
    count = reader.count("count", 10, 1)
    slots = reader.slots("slot", count)
    reasons = reader.column(count, lambda: reader.choice("reason", EXIT_REASONS))
    brackets = read_brackets(reader, base, read_ages(reader, base, count))
    ends = {
        "exitCode": reader.column(count, lambda: reader.opt("exitCode", 255)),
        "exitSignal": reader.column(count, lambda: reader.opt("exitSignal", 127)),
        "processorMilliseconds": reader.column(
            count, lambda: reader.opt("processorMilliseconds")
        ),
        "minorFaults": reader.column(count, lambda: reader.opt("minorFaults")),
    }
    ends["majorFaults"] = [
        None if minor is None else reader.uint("majorFaults") for minor in ends["minorFaults"]
    ]
    ends["flags"] = reader.column(count, lambda: reader.uint("flags") & KNOWN_FLAGS)
    ends["ordinal"] = reader.column(count, lambda: reader.opt("ordinal"))
    return {"runs": [
        {"slot": slot, "reason": reason, **bracket, **end}
        for slot, reason, bracket, end in zip(slots, reasons, brackets, rows(ends, count))
    ]}


def read_counters(reader: Reader) -> Fields:
    """0x1C: how often what was refused or lost in this epoch."""
    count = reader.count("count", 2, 1, LIMITS["maximumCountersPerFrame"])
    reasons = reader.slots("reason", count, 65_536)
    values = reader.column(count, lambda: reader.uint("value"))
    return {"counters": [
        {"reason": reason, "value": value}
        for reason, value in zip(reasons, values) if reason in KNOWN_COUNTERS
    ]}


def read_base_and_count(reader: Reader, smallest: int, limit: str) -> Tuple[int, int]:
    """What the frames about a whole host begin with."""
    base = reader.uint("baseTime", 0, MAXIMUM_BOOT_TIME)
    return base, reader.count("count", smallest, 1, LIMITS[limit])


def read_totals(reader: Reader) -> Fields:
    """0x19: the greatest sums, and of what the host used at its greatest."""
    base, count = read_base_and_count(reader, 6, "maximumTotalsPerFrame")
    strings = read_strings(reader)
    kinds = reader.column(count, lambda: reader.choice("kind", TOTAL_KINDS))
    columns: Dict[str, List[Any]] = {"kind": kinds}
    columns["name"] = [
        reader.uint("name", 0, 0) or None if kind in NAMELESS_KINDS
        else read_index(reader, "name", strings, 1)
        for kind in kinds
    ]
    columns["sumKiB"] = reader.column(count, lambda: reader.uint("sumKiB", 0, MAXIMUM_KIB))
    columns["at"] = [base - age for age in read_ages(reader, base, count)]
    columns["runCount"] = reader.column(count, lambda: reader.uint("runCount"))
    most = LIMITS["maximumSharesPerTotal"]
    sizes = [reader.uint("shareCount", 0, most if kind == "hostUsed" else 0) for kind in kinds]
    columns["shares"] = read_shares(reader, sizes)
    return {"totals": rows(columns, count)}


def read_shares(reader: Reader, sizes: List[int]) -> List[List[Fields]]:
    """The shares of each sum: as many as `sizes` says, the largest first."""
    total = sum(sizes)
    columns: Dict[str, List[Any]] = {
        "pid": reader.column(total, lambda: reader.uint("pid", 1, MAXIMUM_PID)),
        "startTicks": reader.column(total, lambda: reader.uint("startTicks")),
        "image": reader.column(total, lambda: reader.uint("image", 0, MAXIMUM_U32)),
        "residentKiB": [],
    }
    for size in sizes:
        most = MAXIMUM_KIB
        for _ in range(size):
            most = reader.uint("residentKiB", 0, most)
            columns["residentKiB"].append(most)
    shares = iter(rows(columns, total))
    return [[next(shares) for _ in range(size)] for size in sizes]


def read_cgroup(reader: Reader) -> Fields:
    """0x1A: the marks of cgroups."""
    base, count = read_base_and_count(reader, 9, "maximumCgroupsPerFrame")
    columns: Dict[str, List[Any]] = {
        "path": reader.column(
            count, lambda: reader.octets("path", LIMITS["maximumStringBytes"])
        ),
        "inode": reader.column(count, lambda: reader.uint("inode")),
        "version": reader.column(count, lambda: reader.choice("version", {1: 1, 2: 2})),
    }
    sources = reader.column(count, lambda: reader.choice("source", CGROUP_SOURCES))
    peaks = iter(read_cgroup_peaks(reader, base, [source for source in sources if source]))
    columns["peak"] = [next(peaks) if source else None for source in sources]
    for name in ("swapPeakKiB", "currentKiB", "limitKiB"):
        columns[name] = reader.column(count, lambda: reader.opt(name, MAXIMUM_KIB))
    columns["killCount"] = reader.column(count, lambda: reader.opt("killCount"))
    ages = reader.column(count, lambda: reader.opt("seenAge", base))
    columns["seenAt"] = [None if age is None else base - age for age in ages]
    return {"cgroups": rows(columns, count)}


def read_cgroup_peaks(reader: Reader, base: int, sources: List[str]) -> List[Fields]:
    """The peaks of those cgroups that have one, and what was true beside each."""
    size = len(sources)
    kib = reader.column(size, lambda: reader.uint("peakKiB", 0, MAXIMUM_KIB))
    brackets = read_brackets(reader, base, read_ages(reader, base, size))
    beside = {
        name: reader.column(size, lambda: reader.opt(name, MAXIMUM_KIB))
        for name in ("peakLimitKiB", "peakAnonymousKiB", "peakFileKiB")
    }
    return [
        {"peakKiB": value, "source": source, **bracket, **figures}
        for value, source, bracket, figures in zip(kib, sources, brackets, rows(beside, size))
    ]


def read_oom(reader: Reader) -> Fields:
    """0x1B: processes that the kernel killed for want of memory."""
    base, count = read_base_and_count(reader, 11, "maximumKillsPerFrame")
    strings = read_strings(reader)
    columns: Dict[str, List[Any]] = {
        "at": [base - age for age in read_ages(reader, base, count)],
        "pid": [
            reader.uint("pid", 0, MAXIMUM_PID) or None for _ in range(count)
        ],
    }
    columns["startTicks"] = [read_victim_start(reader, pid) for pid in columns["pid"]]
    columns["image"] = [
        None if start is None else reader.uint("image", 0, MAXIMUM_U32)
        for start in columns["startTicks"]
    ]
    elements: List[Tuple[str, Callable[[str], Any]]] = [
        ("comm", lambda what: read_index(reader, what, strings)),
        ("constraint", lambda what: reader.choice(what, CONSTRAINTS)),
        ("limitCgroup", lambda what: read_index(reader, what, strings)),
        ("cgroup", lambda what: read_index(reader, what, strings)),
        ("limitKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        ("residentKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        ("lastPeakKiB", lambda what: reader.opt(what, MAXIMUM_KIB)),
        ("evidence", lambda what: reader.uint(what) & KNOWN_EVIDENCE),
    ]
    for name, element in elements:
        columns[name] = reader.column(count, lambda: element(name))
    return {"kills": rows(columns, count)}


def read_victim_start(reader: Reader, pid: Optional[int]) -> Optional[int]:
    """The start of a victim that was followed, whose pid is therefore known."""
    start = reader.position
    ticks = reader.opt("startTicks")
    if ticks is not None and pid is None:
        raise reader.fail("startTicks of a victim without a pid", start)
    return ticks


def read_health(reader: Reader) -> Fields:
    """0x1D: what the agent itself uses."""
    return {
        "at": reader.uint("at", 0, MAXIMUM_BOOT_TIME),
        "startedAt": reader.uint("startedAt", 0, MAXIMUM_BOOT_TIME),
        "processorMilliseconds": reader.uint("processorMilliseconds"),
        "residentKiB": reader.opt("residentKiB", MAXIMUM_KIB),
        "anonymousKiB": reader.opt("anonymousKiB", MAXIMUM_KIB),
        "peakKiB": reader.opt("peakKiB", MAXIMUM_KIB),
        "askedIntervalMilliseconds": reader.uint("askedIntervalMilliseconds", 0, MAXIMUM_U32),
        "intervalMilliseconds": reader.uint("intervalMilliseconds", 0, MAXIMUM_U32),
        "lookMicroseconds": reader.uint("lookMicroseconds"),
        "longestLookMicroseconds": reader.uint("longestLookMicroseconds"),
        "runCount": reader.uint("runCount"),
        "sources": reader.uint("sources") & KNOWN_AGENT_SOURCES,
    }


def read_gap(reader: Reader) -> Fields:
    """0x1E: what was missed, and when."""
    base, count = read_base_and_count(reader, 5, "maximumGapsPerFrame")
    ordinals = reader.ordinals("ordinal", count)
    reasons = reader.column(count, lambda: reader.choice("reason", GAP_REASONS))
    brackets = read_brackets(reader, base, read_ages(reader, base, count))
    missed = reader.column(count, lambda: reader.opt("missedCount"))
    return {"gaps": [
        {"ordinal": ordinal, "reason": reason, **bracket, "missedCount": number}
        for ordinal, reason, bracket, number in zip(ordinals, reasons, brackets, missed)
    ]}


def read_fold(reader: Reader) -> Fields:
    """0x18: many small ended runs as one."""
    base, count = read_base_and_count(reader, 13, "maximumFoldsPerFrame")
    strings = read_strings(reader)
    columns: Dict[str, List[Any]] = {"ordinal": reader.ordinals("ordinal", count)}
    columns["program"] = reader.column(count, lambda: read_index(reader, "program", strings, 1))
    for name in ("user", "cgroup"):
        columns[name] = reader.column(count, lambda: read_index(reader, name, strings))
    columns["runCount"] = reader.column(count, lambda: reader.uint("runCount", 1))
    sources = reader.column(count, lambda: reader.choice("source", FOLD_SOURCES))
    peaks = iter(read_fold_peaks(reader, base, [source for source in sources if source]))
    columns["peak"] = [next(peaks) if source else None for source in sources]
    columns["sumKiB"] = reader.column(count, lambda: reader.uint("sumKiB", 0, MAXIMUM_KIB))
    brackets = read_brackets(reader, base, read_ages(reader, base, count))
    columns["processorMilliseconds"] = reader.column(
        count, lambda: reader.uint("processorMilliseconds")
    )
    for name in ("failureCount", "killCount"):
        columns[name] = [reader.uint(name, 0, runs) for runs in columns["runCount"]]
    columns["steps"] = read_fold_steps(reader, columns["runCount"])
    return {"folds": [
        {**row, **bracket} for row, bracket in zip(rows(columns, count), brackets)
    ]}


def read_fold_peaks(reader: Reader, base: int, sources: List[str]) -> List[Fields]:
    """The greatest peaks of those folds that have one."""
    size = len(sources)
    kib = reader.column(size, lambda: reader.uint("peakKiB", 0, MAXIMUM_KIB))
    brackets = read_brackets(reader, base, read_ages(reader, base, size))
    return [
        {"peakKiB": value, "source": source, **bracket}
        for value, source, bracket in zip(kib, sources, brackets)
    ]


def read_fold_steps(reader: Reader, run_counts: List[int]) -> List[List[Fields]]:
    """The histogram of each fold: the steps of all folds first, then how many runs each has."""
    most = LIMITS["maximumStepsPerFold"]
    sizes = [reader.uint("stepCount", 0, most) for _ in run_counts]
    steps = [reader.slots("step", size, most) for size in sizes]
    histograms: List[List[Fields]] = []
    for left, own in zip(run_counts, steps):
        histogram: List[Fields] = []
        for step in own:
            number = reader.uint("stepRunCount", 1, left)
            left -= number
            histogram.append({"step": step, "runCount": number})
        histograms.append(histogram)
    return histograms


def read_reset(reader: Reader) -> Fields:
    """0x08: stretches of boot time whose peaks are to be forgotten."""
    count = reader.count("count", 2, 1, LIMITS["maximumResetsPerFrame"])
    since = reader.column(count, lambda: reader.uint("since", 0, MAXIMUM_BOOT_TIME))
    return {"stretches": [
        {"since": begin, "until": begin + reader.uint("length", 0, MAXIMUM_BOOT_TIME - begin)}
        for begin in since
    ]}


def read_run_keys(reader: Reader, count: int) -> Dict[str, List[Any]]:
    """Which runs, by their keys within the boot."""
    return {
        "pid": reader.column(count, lambda: reader.uint("pid", 1, MAXIMUM_PID)),
        "startTicks": reader.column(count, lambda: reader.uint("startTicks")),
        "image": reader.column(count, lambda: reader.uint("image", 0, MAXIMUM_U32)),
    }


def read_sections(reader: Reader) -> Fields:
    """0xA0: what sections of runs needed."""
    base, count = read_base_and_count(reader, 13, "maximumSectionsPerFrame")
    strings = read_strings(reader)
    columns = read_run_keys(reader, count)
    columns["name"] = reader.column(count, lambda: read_index(reader, "name", strings, 1))
    columns["flags"] = reader.column(
        count, lambda: reader.uint("flags") & KNOWN_SECTION_FLAGS
    )
    columns["source"] = reader.column(count, lambda: reader.choice("source", SECTION_SOURCES))
    columns["peakKiB"] = reader.column(count, lambda: reader.uint("peakKiB", 0, MAXIMUM_KIB))
    brackets = read_brackets(reader, base, read_ages(reader, base, count))
    columns["growthKiB"] = reader.column(count, lambda: reader.uint("growthKiB", 0, MAXIMUM_KIB))
    columns["callCount"] = reader.column(count, lambda: reader.uint("callCount", 1))
    for name in ("totalMicroseconds", "longestMicroseconds"):
        columns[name] = reader.column(count, lambda: reader.uint(name))
    return {"sections": [
        {**row, **bracket} for row, bracket in zip(rows(columns, count), brackets)
    ]}


def read_codes(reader: Reader) -> List[Fields]:
    """The lines that a frame speaks of, each once."""
    strings = read_strings(reader)
    count = reader.count("codeCount", 3, 0, LIMITS["maximumCodesPerFrame"])
    columns: Dict[str, List[Any]] = {
        name: reader.column(count, lambda: read_index(reader, name, strings, 1))
        for name in ("file", "function")
    }
    columns["line"] = reader.column(count, lambda: reader.uint("lineNumber", 0, MAXIMUM_LINE))
    return rows(columns, count)


def read_code(reader: Reader, what: str, codes: List[Fields]) -> Fields:
    """One of the lines of a frame."""
    start = reader.position
    index = reader.uint(what)
    if index >= len(codes):
        raise reader.fail(f"{what} {index} of {len(codes)}", start)
    return codes[index]


def read_python_growth(reader: Reader) -> Fields:
    """0xA1: which lines ran while Python programs grew."""
    codes = read_codes(reader)
    count = reader.count("count", 7, 1, LIMITS["maximumGrowthRunsPerFrame"])
    columns = read_run_keys(reader, count)
    for name in ("grownKiB", "unattributedKiB"):
        columns[name] = reader.column(count, lambda: reader.uint(name, 0, MAXIMUM_KIB))
    most = LIMITS["maximumLinesPerRun"]
    sizes = [reader.uint("lineCount", 0, most) for _ in range(count)]
    depths = [reader.uint("frameCount", 0, most) for _ in range(count)]
    lines = [[read_code(reader, "line", codes) for _ in range(size)] for size in sizes]
    columns["lines"] = [
        [{**line, "grownKiB": reader.uint("lineKiB", 0, MAXIMUM_KIB)} for line in own]
        for own in lines
    ]
    resident = [depth and reader.uint("stackKiB", 0, MAXIMUM_KIB) for depth in depths]
    columns["stack"] = [
        {"residentKiB": kib, "lines": [read_code(reader, "frame", codes) for _ in range(depth)]}
        if depth else None
        for kib, depth in zip(resident, depths)
    ]
    return {"runs": rows(columns, count)}


READERS: Dict[str, Callable[[Reader], Fields]] = {
    "HELLO": read_hello, "WELCOME": read_welcome, "ERROR": read_error, "PING": read_token,
    "PONG": read_token, "GOODBYE": read_goodbye, "ACK": read_ack, "HOST": read_host,
    "DEFINE": read_define, "STATE_END": read_state_end, "SAMPLES": read_samples,
    "PEAKS": read_peaks, "WINDOWS": read_windows, "COVERED": read_covered, "EXIT": read_exit,
    "TOTALS": read_totals, "CGROUP": read_cgroup, "OOM": read_oom, "COUNTERS": read_counters, "HEALTH": read_health, "GAP": read_gap,
    "FOLD": read_fold, "RESET": read_reset, "SECTIONS": read_sections,
    "PYTHON_GROWTH": read_python_growth,
}


def read_payload(name: str, payload: bytes) -> Fields:
    """The fields of an inflated payload; nothing may be left over."""
    reader = Reader(payload)
    fields = READERS[name](reader)
    reader.end()
    return fields


# --- The frame (section 3) ------------------------------------------------------------------


class Header(NamedTuple):
    """The 24 bytes before a payload, without the magic."""

    type: int
    flags: int
    wire_length: int
    raw_length: int
    sequence: int
    checksum: int

    @property
    def compressed(self) -> bool:
        """Whether the payload on the wire is a zlib stream."""
        return bool(self.flags & FLAG_COMPRESSED)

    @property
    def name(self) -> Optional[str]:
        """The type's name; None for a type that is passed over."""
        return TYPE_NAMES.get(self.type)


class Bounds(NamedTuple):
    """What a receiver takes from one direction at one time."""

    wire: int = LIMITS["maximumWireBytes"]
    raw: int = LIMITS["maximumRawBytes"]
    compression: bool = True


BEFORE_WELCOME = Bounds(
    LIMITS["maximumBytesBeforeWelcome"], LIMITS["maximumBytesBeforeWelcome"], compression=False
)


class Frame(NamedTuple):
    """One whole frame. `fields` is None for a type that is passed over."""

    header: Header
    fields: Optional[Fields]
    size: int


def read_header(data: bytes, start: int, bounds: Bounds) -> Header:
    """The header at `start`, checked in the order of section 3.

    Each rule is applied as soon as its bytes are there, so that a peer that is not Highwater is
    told so after two bytes.
    """
    head = data[start : start + HEADER_BYTES]
    if head[:2] != MAGIC[: len(head)]:
        raise ProtocolError("notHighwater", "the magic is not 48 57", 0)
    if len(head) >= 4:
        check_flags(head[3], bounds)
        check_type(head[2])
    if len(head) < HEADER_BYTES:
        raise Incomplete(f"{len(head)} of {HEADER_BYTES} bytes of a header")
    numbers = [int.from_bytes(head[a:b], "big") for a, b in ((4, 8), (8, 12), (12, 20), (20, 24))]
    header = Header(head[2], head[3], *numbers)
    check_lengths(header, bounds)
    return header


def check_flags(flags: int, bounds: Bounds) -> None:
    """Reserved flags are zero, and nothing is compressed before WELCOME, nor WELCOME itself."""
    if flags & ~FLAG_COMPRESSED:
        raise ProtocolError("badHeader", f"reserved flags are set: {flags:#04x}", 3)
    if flags and not bounds.compression:
        raise ProtocolError("badCompression", "compressed before WELCOME", 3)


def check_type(number: int) -> None:
    """A type is known or may be passed over."""
    if number not in TYPE_NAMES and number < FIRST_IGNORABLE_TYPE:
        raise ProtocolError("unknownType", f"type {number:#04x} is not known", 2)


def check_lengths(header: Header, bounds: Bounds) -> None:
    """Both lengths against their limits, then against each other."""
    wire, raw = header.wire_length, header.raw_length
    if wire > bounds.wire:
        raise ProtocolError("frameTooLarge", f"wireLength {wire} is above {bounds.wire}", 4)
    if raw > bounds.raw:
        raise ProtocolError("frameTooLarge", f"rawLength {raw} is above {bounds.raw}", 8)
    if header.compressed and raw <= wire:
        text = f"compressed, but rawLength {raw} is not above wireLength {wire}"
        raise ProtocolError("badHeader", text, 8)
    if not header.compressed and raw != wire:
        text = f"not compressed, but rawLength {raw} is not wireLength {wire}"
        raise ProtocolError("badHeader", text, 8)


def inflate(wire: bytes, raw_length: int) -> bytes:
    """Exactly `raw_length` bytes out of exactly one zlib stream (section 3.1).

    `raw_length` was compared with its limit and is above 0, which zlib would take as no limit.
    """
    stream = zlib.decompressobj(zlib.MAX_WBITS)
    try:
        payload = stream.decompress(wire, raw_length)
        if stream.decompress(stream.unconsumed_tail, 1):
            raise ProtocolError("badCompression", f"more than {raw_length} bytes come out")
    except zlib.error as error:
        raise ProtocolError("badCompression", f"not a zlib stream: {error}") from error
    if not stream.eof:
        raise ProtocolError("badCompression", "the zlib stream does not end")
    if stream.unused_data:
        text = f"{len(stream.unused_data)} bytes follow the zlib stream"
        raise ProtocolError("badCompression", text)
    if len(payload) != raw_length:
        text = f"{len(payload)} bytes come out, rawLength is {raw_length}"
        raise ProtocolError("badCompression", text)
    return payload


def read_wire(data: bytes, start: int, header: Header) -> bytes:
    """The payload as it is on the wire, its checksum compared."""
    begin = start + HEADER_BYTES
    wire = data[begin : begin + header.wire_length]
    if len(wire) < header.wire_length:
        raise Incomplete(f"{len(wire)} of {header.wire_length} bytes of a payload")
    checksum = crc32c(data[start : start + 20], wire)
    if checksum != header.checksum:
        text = f"crc32c is {header.checksum:08x}, must be {checksum:08x}"
        raise ProtocolError("badChecksum", text, 20)
    return wire


def read_frame(data: bytes, start: int, bounds: Bounds, sequence: Optional[int]) -> Frame:
    """The frame at `start`. `sequence` is the number that it must have; None takes any.

    A type that is passed over is neither inflated nor read.
    """
    header = read_header(data, start, bounds)
    wire = read_wire(data, start, header)
    fields = None
    if header.name:
        payload = inflate(wire, header.raw_length) if header.compressed else wire
        fields = read_payload(header.name, payload)
    if sequence is not None and header.sequence != sequence:
        text = f"sequence is {header.sequence}, must be {sequence}"
        raise ProtocolError("badSequence", text, 12)
    return Frame(header, fields, HEADER_BYTES + header.wire_length)


# --- The session (section 7) ----------------------------------------------------------------

DATA_TYPES = range(0x10, 0x20)
PINGS_AT_ONCE = 4
AGENT, COLLECTOR = "A", "C"


class Session:
    """Both directions of one connection, as someone who sees every byte in order judges them."""

    def __init__(self) -> None:
        self.state = "awaitingPreface"
        self.next_sequence = {AGENT: 0, COLLECTOR: 0}
        self.ended = {AGENT: False, COLLECTOR: False}
        self.open_ping: Dict[str, Optional[int]] = {AGENT: None, COLLECTOR: None}
        self.pings = {AGENT: 0, COLLECTOR: 0}
        self.acknowledged = -1
        self.data_sequences: List[int] = []
        self.granted = 0
        self.host_sent = False
        self.hello: Fields = {}
        self.welcome: Fields = {}
        self.slots: Dict[int, Tuple[int, int, int]] = {}

    def take_preface(self, data: bytes) -> None:
        """The first eight bytes of the agent."""
        head = data[: len(PREFACE)]
        if not PREFACE.startswith(head):
            raise ProtocolError("notHighwater", "the preface is wrong")
        if head != PREFACE:
            raise Incomplete(f"{len(head)} of {len(PREFACE)} bytes of the preface")
        self.state = "awaitingHello"

    def bounds(self, side: str) -> Bounds:
        """What is taken from `side` now."""
        if not self.welcome:
            return BEFORE_WELCOME
        if side == COLLECTOR:
            return Bounds()
        return Bounds(wire=self.welcome["maximumWireBytes"])

    def take(self, side: str, data: bytes, start: int = 0) -> Frame:
        """Judges the next frame of `side` and what it does to the session."""
        frame = read_frame(data, start, self.bounds(side), self.next_sequence[side])
        self.expect(side, frame.header)
        self.next_sequence[side] += 1
        if frame.header.type in DATA_TYPES:
            self.use_credit(frame.header.sequence)
        if frame.fields is not None:
            self.apply(side, TYPE_NAMES[frame.header.type], frame.fields)
        return frame

    def expect(self, side: str, header: Header) -> None:
        """Refuses a type that this side may not send, or not now."""
        name = header.name
        if name and side not in SENDERS[name]:
            raise self.unexpected(f"{name} from the wrong side")
        allowed = self.expected_of_agent if side == AGENT else self.expected_of_collector
        if not allowed(header.type, name):
            raise self.unexpected(f"{name or hex(header.type)} in state {self.state}")

    @staticmethod
    def unexpected(text: str) -> ProtocolError:
        """The error for a frame that does not belong here."""
        return ProtocolError("unexpectedFrame", text)

    def expected_of_agent(self, number: int, name: Optional[str]) -> bool:
        """The collector's table of section 7.1."""
        if self.state in ("awaitingPreface", "awaitingHello"):
            return name == "HELLO" and self.state == "awaitingHello"
        if name == "HELLO":
            return False
        if number not in DATA_TYPES:
            return True
        if self.state == "awaitingHost":
            return name == "HOST"
        if name == "STATE_END":
            return self.state == "receivingState"
        return self.state in ("receivingState", "live")

    def expected_of_collector(self, number: int, name: Optional[str]) -> bool:
        """The agent's table of section 7.1."""
        if self.state == "awaitingPreface":
            return False
        if not self.welcome:
            return name in ("ERROR", "GOODBYE") or (
                name in ("WELCOME", "PING") and bool(self.hello)
            )
        if name == "RESET":
            return self.host_sent
        return name != "WELCOME"

    def use_credit(self, sequence: int) -> None:
        """A data frame is within the greatest grant so far."""
        if len(self.data_sequences) >= self.granted:
            raise ProtocolError("limitExceeded", "more data frames than credit")
        self.data_sequences.append(sequence)

    def apply(self, side: str, name: str, fields: Fields) -> None:
        """What a whole, well-formed and expected frame does."""
        effects: Dict[str, Callable[[str, Fields], None]] = {
            "HELLO": self.apply_hello, "WELCOME": self.apply_welcome, "HOST": self.apply_host,
            "PING": self.apply_ping, "PONG": self.apply_pong, "ACK": self.apply_ack,
            "DEFINE": self.apply_define, "SAMPLES": self.apply_samples,
            "PEAKS": self.apply_peaks, "WINDOWS": self.apply_peaks, "EXIT": self.apply_exit,
            "STATE_END": self.apply_state_end, "ERROR": self.apply_last,
            "GOODBYE": self.apply_last,
        }
        if name in effects:
            effects[name](side, fields)

    def apply_hello(self, side: str, fields: Fields) -> None:
        """A version and all required features must be shared, and the host well named."""
        if not fields["lowestMajor"] <= SPOKEN_MAJOR <= fields["highestMajor"]:
            raise ProtocolError("versionUnsupported", "no major version in common")
        if fields["requiredFeatures"] & ~KNOWN_FEATURES:
            raise ProtocolError("featureRequired", "a required feature is unknown")
        if not HOST_ID.match(fields["hostID"]):
            raise ProtocolError("badIdentity", "hostID breaks its rule")
        self.hello = fields
        self.state = "awaitingWelcome"

    def apply_assumed_hello(self, fields: Fields) -> None:
        """HELLO of an agent that was not recorded, which some collector accepted."""
        self.hello = fields
        self.state = "awaitingWelcome"

    def apply_welcome(self, side: str, fields: Fields) -> None:
        """WELCOME stays within what HELLO offered."""
        if not self.hello["lowestMajor"] <= fields["major"] <= self.hello["highestMajor"]:
            raise ProtocolError("badPayload", "a major version that was not offered")
        required = self.hello["requiredFeatures"]
        if fields["features"] & ~(required | self.hello["offeredFeatures"]):
            raise ProtocolError("badPayload", "a feature that was not offered")
        if required & ~fields["features"]:
            raise ProtocolError("badPayload", "a required feature is missing")
        self.welcome = fields
        self.granted = fields["credit"]
        self.state = "awaitingHost"

    def apply_host(self, side: str, fields: Fields) -> None:
        """The first HOST opens the full state; a later one only describes."""
        self.host_sent = True
        if self.state == "awaitingHost":
            self.state = "receivingState"

    def apply_ping(self, side: str, fields: Fields) -> None:
        """Up to four PINGs may come at once, which is how the frames of a vector come."""
        self.pings[side] += 1
        if self.pings[side] > PINGS_AT_ONCE:
            raise ProtocolError("limitExceeded", "too many PINGs")
        self.open_ping[side] = fields["token"]

    def apply_pong(self, side: str, fields: Fields) -> None:
        """A PONG answers the PING of the other side."""
        other = COLLECTOR if side == AGENT else AGENT
        if self.open_ping[other] != fields["token"]:
            raise self.unexpected("a PONG without its PING")
        self.open_ping[other] = None

    def apply_ack(self, side: str, fields: Fields) -> None:
        """An ACK goes forward and names a frame that was sent."""
        sequence = fields["sequence"]
        if not self.acknowledged <= sequence < self.next_sequence[AGENT]:
            raise ProtocolError("badSequence", f"an ACK of {sequence} is impossible")
        self.acknowledged = sequence
        covered = sum(1 for number in self.data_sequences if number <= sequence)
        self.granted = max(self.granted, covered + fields["credit"])

    def apply_define(self, side: str, fields: Fields) -> None:
        """A slot in use keeps its run until EXIT."""
        for run in fields["runs"]:
            identity = (run["pid"], run["startTicks"], run["image"])
            if run["slot"] >= self.welcome["maximumRuns"]:
                raise ProtocolError("limitExceeded", f"slot {run['slot']} is not below the limit")
            if self.slots.get(run["slot"], identity) != identity:
                raise ProtocolError("badPayload", f"slot {run['slot']} is that of another run")
            if run["slot"] not in self.slots and identity in self.slots.values():
                raise ProtocolError("badPayload", f"the run of slot {run['slot']} has another slot")
            self.slots[run["slot"]] = identity

    def require_slots(self, runs: List[Fields]) -> None:
        """Every slot must be in use."""
        for run in runs:
            if run["slot"] not in self.slots:
                raise ProtocolError("badPayload", f"slot {run['slot']} is not in use")

    def apply_samples(self, side: str, fields: Fields) -> None:
        """Samples are of runs that were defined."""
        for tick in fields["ticks"]:
            self.require_slots(tick["samples"])

    def apply_peaks(self, side: str, fields: Fields) -> None:
        """Peaks and windows are of runs that were defined."""
        self.require_slots(fields["runs"])

    def apply_exit(self, side: str, fields: Fields) -> None:
        """A slot is free once its EXIT was sent."""
        self.require_slots(fields["runs"])
        for run in fields["runs"]:
            del self.slots[run["slot"]]

    def apply_state_end(self, side: str, fields: Fields) -> None:
        """Both sides must count the same slots."""
        if fields["liveCount"] != len(self.slots):
            text = f"liveCount is {fields['liveCount']}, {len(self.slots)} slots are in use"
            raise ProtocolError("badPayload", text)
        self.state = "live"

    def apply_last(self, side: str, fields: Fields) -> None:
        """ERROR and GOODBYE are the last frame of their direction."""
        self.ended[side] = True


ASSUMED_WELCOME: Fields = {
    "major": SPOKEN_MAJOR, "features": 0, "maximumWireBytes": LIMITS["maximumWireBytes"],
    "maximumRuns": 65_536, "credit": 64,
}
"""What a collector that was not recorded answers to HELLO."""

ASSUMED_HELLO: Fields = {
    "lowestMajor": SPOKEN_MAJOR, "highestMajor": SPOKEN_MAJOR, "requiredFeatures": 0,
    "offeredFeatures": 0, "hostID": b"host-1",
}
"""What an agent that was not recorded began with."""


class AssumedAgent(NamedTuple):
    """What an agent that was not recorded has sent: frames in all, and a PING if any."""

    frames: int
    token: Optional[int]


SHORT_AGENT = AssumedAgent(3, None)
"""HELLO, HOST and STATE_END: the other side of the invalid sessions of a collector."""

WHOLE_AGENT = AssumedAgent(11, 0)
"""The agent of the valid session: the other side of the valid session of a collector."""


def one_sided(side: str, agent: AssumedAgent, note: Fields) -> Session:
    """A session of which only `side` was recorded; the other side is assumed to do its part.

    `note` is the meaning of the vector, which may change what is assumed.
    """
    session = Session()
    if side == COLLECTOR:
        session.state = "awaitingHello"
        session.apply_assumed_hello({**ASSUMED_HELLO, **note.get("hello", {})})
        session.next_sequence[AGENT] = agent.frames
        session.open_ping[AGENT] = agent.token
        session.host_sent = agent.frames > 1
    return session


def take_one_sided(session: Session, side: str, data: bytes, start: int, note: Fields) -> Frame:
    """One frame of the recorded side, and the WELCOME that an agent's HELLO is answered with."""
    frame = session.take(side, data, start)
    if side == AGENT and session.state == "awaitingWelcome":
        session.apply(COLLECTOR, "WELCOME", {**ASSUMED_WELCOME, **note.get("welcome", {})})
    return frame


# --- Meaning as JSON ------------------------------------------------------------------------

MAXIMUM_EXACT = 2**53
"""Beyond this a JSON number may lose digits, so that it is written as a string."""


def plain(value: Any) -> Any:
    """A decoded value as JSON: names as text or {"hex": ...}, large numbers as strings."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"hex": value.hex()}
    if isinstance(value, int) and abs(value) > MAXIMUM_EXACT:
        return str(value)
    return value


def meaning(frame: Frame) -> Fields:
    """What a frame says, without how it was written."""
    header = frame.header
    return {
        "type": header.name or f"0x{header.type:02X}",
        "sequence": plain(header.sequence),
        "compressed": header.compressed,
        "fields": plain(frame.fields or {}),
    }


# --- Captures -------------------------------------------------------------------------------


def parse_hex(text: str) -> bytes:
    """Bytes out of hex pairs; `#` begins a comment that ends with its line."""
    pairs: List[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        for pair in line.split("#", 1)[0].split():
            if not re.fullmatch(r"[0-9A-Fa-f]{2}", pair):
                raise InputError(f"line {number}: {pair!r} is not a pair of hex digits")
            pairs.append(pair)
    return bytes.fromhex("".join(pairs))


def parse_capture(data: bytes, name: str) -> bytes:
    """The bytes of a capture, which is text if its name says so or if nothing else can be."""
    if not name.endswith(".hex") and (not data.isascii() or data.startswith(MAGIC)):
        return data
    try:
        return parse_hex(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"not text: {error}") from error


def read_capture(name: str) -> bytes:
    """The bytes of a file, or of standard input if the name is `-`."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(error.strerror or str(error)) from error
    if not data:
        raise InputError("there is nothing in it")
    return parse_capture(data, name)


def print_capture(name: str) -> int:
    """Prints each frame of a capture; the exit status."""
    place = ""
    try:
        data = read_capture(name)
        position, sequence = 0, None
        if data[:1] == PREFACE[:1]:
            place = "byte 0: "
            Session().take_preface(data)
            print(json.dumps({"preface": True}))
            position, sequence = len(PREFACE), 0
        while position < len(data):
            place = f"byte {position}: "
            frame = read_frame(data, position, Bounds(), sequence)
            print(json.dumps({"byte": position, **meaning(frame)}))
            position, sequence = position + frame.size, frame.header.sequence + 1
        return 0
    except ProtocolError as error:
        field = "" if error.offset is None else f" (offset {error.offset})"
        complaint = f"{error.name}: {error.text}{field}"
    except (Incomplete, InputError) as error:
        complaint = str(error)
    print(f"decode.py: {name}: {place}{complaint}", file=sys.stderr)
    return 1


# --- Vectors --------------------------------------------------------------------------------


class Mismatch(Exception):
    """A vector and this program do not agree."""


STATES: Dict[str, Bounds] = {"beforeWelcome": BEFORE_WELCOME, "live": Bounds()}
SIDES: Dict[str, str] = {"agent": AGENT, "collector": COLLECTOR}


def difference(expected: Any, actual: Any, path: str = "") -> Optional[str]:
    """Where two JSON values differ first; None if they are equal."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in sorted(set(expected) | set(actual)):
            if name not in expected or name not in actual:
                return f"{path}.{name} is only in the {'file' if name in expected else 'frame'}"
            found = difference(expected[name], actual[name], f"{path}.{name}")
            if found:
                return found
        return None
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual))
        found = (difference(one, other, f"{path}[{index}]") for index, (one, other) in pairs)
        return next((text for text in found if text), None)
    if type(expected) is type(actual) and expected == actual:
        return None
    return f"{path}: {json.dumps(actual)[:80]} instead of {json.dumps(expected)[:80]}"


def require_equal(expected: Any, actual: Any) -> None:
    """Raises Mismatch where two JSON values differ."""
    found = difference(expected, actual)
    if found:
        raise Mismatch(found.lstrip("."))


def check_valid_frame(data: bytes, note: Fields) -> List[str]:
    """One frame with its meaning; the names of the types that it shows."""
    frame = read_frame(data, 0, STATES[note["state"]], None)
    if frame.size != len(data):
        raise Mismatch(f"{len(data) - frame.size} bytes follow the frame")
    name = frame.header.name
    if name and SIDES[note["direction"]] not in SENDERS[name]:
        raise Mismatch(f"{name} is not sent by an {note['direction']}")
    require_equal({key: note[key] for key in ("type", "sequence", "compressed", "fields")},
                  meaning(frame))
    return [name] if name else []


def session_frames(data: bytes, note: Fields, agent: AssumedAgent) -> Iterator[Frame]:
    """All frames of one side, with the preface that an agent begins with.

    What follows ERROR or GOODBYE is not read.
    """
    side = SIDES[note["direction"]]
    session = one_sided(side, agent, note)
    position = 0
    if side == AGENT:
        session.take_preface(data)
        position = len(PREFACE)
    while position < len(data) and not session.ended[side]:
        frame = take_one_sided(session, side, data, position, note)
        yield frame
        position += frame.size


def check_valid_session(data: bytes, note: Fields) -> List[str]:
    """All frames of one side with their meaning; the names of the types that it shows."""
    side = SIDES[note["direction"]]
    if note["preface"] != (side == AGENT):
        raise Mismatch("an agent begins with the preface, a collector does not")
    frames = list(session_frames(data, note, WHOLE_AGENT))
    require_equal(note["frames"], [meaning(frame) for frame in frames])
    return [frame.header.name for frame in frames if frame.header.name]


def check_valid(data: bytes, note: Fields) -> List[str]:
    """A vector that keeps all rules; the names of the types that it shows."""
    try:
        check = check_valid_session if "frames" in note else check_valid_frame
        return check(data, note)
    except ProtocolError as error:
        raise Mismatch(f"{error.name} at {error.offset}: {error.text}") from error


def break_rule(data: bytes, note: Fields) -> Iterator[Frame]:
    """The frames of an invalid vector up to the one that breaks the rule."""
    if note["layer"] == "session":
        yield from session_frames(data, note, SHORT_AGENT)
    else:
        yield read_frame(data, 0, STATES[note["state"]], None)


def check_invalid(data: bytes, note: Fields) -> None:
    """A vector that breaks one rule: which, at what offset, and in which frame."""
    good = 0
    try:
        for _ in break_rule(data, note):
            good += 1
    except ProtocolError as error:
        require_equal({"error": note["error"]}, {"error": error.name})
        if note["offset"] is not None:
            require_equal({"offset": note["offset"]}, {"offset": error.offset})
        if note.get("frame") is not None:
            require_equal({"frame": note["frame"]}, {"frame": good})
        return
    raise Mismatch(f"no rule is broken, {note['error']} is meant")


def check_vector(hex_path: Path, invalid: bool) -> List[str]:
    """One pair of files; the names of the types that a valid one shows."""
    try:
        data = parse_hex(hex_path.read_text(encoding="utf-8"))
        note = json.loads(hex_path.with_suffix(".json").read_text(encoding="utf-8"))
        if invalid:
            check_invalid(data, note)
            return []
        return check_valid(data, note)
    except (OSError, ValueError, InputError) as error:
        raise Mismatch(f"cannot be read: {error}") from error
    except Incomplete as error:
        raise Mismatch(f"ends too early: {error}") from error
    except (KeyError, TypeError) as error:
        raise Mismatch(f"the .json lacks or mistypes {error}") from error


# --- The text against this program ----------------------------------------------------------

SPECIFICATION = Path(__file__).resolve().parent.parent / "frame-v1.md"


def section(text: str, number: int) -> str:
    """One numbered section of the specification."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(0) if found else ""


def check_limits(text: str) -> None:
    """Section 9 has exactly the limits that this program uses."""
    table = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", section(text, 9), re.MULTILINE)
    require_equal({name: int(value.replace(",", "")) for name, value in table}, LIMITS)


def check_errors(text: str) -> None:
    """Section 8 has exactly the errors that this program names."""
    table = re.findall(r"^\| (\d+) \| (\w+) \|", section(text, 8), re.MULTILINE)
    require_equal(dict(table), {str(code): name for code, name in ERROR_NAMES.items()})


def check_types(text: str) -> None:
    """Section 5 has exactly the frame types that this program reads."""
    headings = "\n".join(re.findall(r"^### .*", section(text, 5), re.MULTILINE))
    table = re.findall(r"0x([0-9A-F]{2}) (\w+) \(([AC, ]+)\)", headings)
    written = {name: [int(number, 16), sides.replace(", ", "")] for number, name, sides in table}
    require_equal(written, {name: [n, SENDERS[name]] for n, name in TYPE_NAMES.items()})


def check_coverage(shown: List[str]) -> None:
    """Every frame type has at least one valid vector."""
    missing = sorted(set(TYPE_NAMES.values()) - set(shown))
    if missing:
        raise Mismatch(f"no valid vector of {', '.join(missing)}")


class Tally:
    """Counts checks and names those that fail."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, body: Callable[[], Any]) -> Any:
        """Runs one check; its result, or None if it failed."""
        try:
            result = body()
        except Mismatch as mismatch:
            self.failed += 1
            print(f"FAILED {name}: {mismatch}")
            return None
        self.passed += 1
        return result

    def close(self) -> int:
        """The closing line and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def check_folder(tally: Tally, folder: Path, invalid: bool) -> List[str]:
    """All vectors of one folder; the names of the types that the valid ones show."""
    shown: List[str] = []
    prefix = "invalid/" if invalid else ""
    for path in sorted(folder.glob("*.hex")):
        shown += tally.check(prefix + path.stem, lambda: check_vector(path, invalid)) or []
    for path in sorted(folder.glob("*.json")):
        if not path.with_suffix(".hex").exists():
            tally.failed += 1
            print(f"FAILED {prefix}{path.stem}: has a meaning and no bytes")
    return shown


def check_directory(name: str) -> int:
    """All vectors of a directory, and the text, against this program; the exit status."""
    tally = Tally()
    folder = Path(name)
    shown = check_folder(tally, folder, invalid=False)
    check_folder(tally, folder / "invalid", invalid=True)
    if tally.passed + tally.failed == 0:
        tally.failed += 1
        print(f"FAILED {name}: there is no vector")
    tally.check("every frame type has a vector", lambda: check_coverage(shown))
    try:
        text = SPECIFICATION.read_text(encoding="utf-8")
    except OSError as error:
        tally.failed += 1
        print(f"FAILED {SPECIFICATION.name}: cannot be read: {error.strerror}")
        return tally.close()
    tally.check("limits of section 9", lambda: check_limits(text))
    tally.check("errors of section 8", lambda: check_errors(text))
    tally.check("frame types of section 5", lambda: check_types(text))
    return tally.close()


# --- Self-test ------------------------------------------------------------------------------


def assemble(number: int, payload: bytes, raw_length: Optional[int] = None,
             sequence: int = 0) -> bytes:
    """A frame with a right checksum; compressed if `raw_length` is given."""
    flags = 0 if raw_length is None else FLAG_COMPRESSED
    raw = len(payload) if raw_length is None else raw_length
    head = MAGIC + bytes([number, flags]) + len(payload).to_bytes(4, "big")
    head += raw.to_bytes(4, "big") + sequence.to_bytes(8, "big")
    return head + crc32c(head, payload).to_bytes(4, "big") + payload


def outcome(body: Callable[[], Any]) -> Any:
    """A result, or the name of the error that was raised instead."""
    try:
        return body()
    except ProtocolError as error:
        return error.name
    except Incomplete:
        return "incomplete"


def self_tests() -> Iterator[Tuple[str, Any, Any]]:
    """Cases that need no file: a name, what must come out, what came out."""
    yield "crc32c of 123456789", 0xE3069283, crc32c(b"123456789")
    yield "crc32c in parts", 0xE3069283, crc32c(b"1234", b"", b"56789")
    yield "crc32c of 32 zero bytes", 0x8A9136AA, crc32c(bytes(32))
    for text, value in (
        ("00", 0), ("7f", 127), ("8001", 128), ("ffffffffffffffffff01", MAXIMUM_U64),
        ("8000", "badPayload"), ("ffffffffffffffffff02", "badPayload"), ("80", "badPayload"),
        ("8080808080808080808001", "badPayload"), ("", "badPayload"),
    ):
        yield f"uint {text}", value, outcome(lambda: Reader(bytes.fromhex(text)).uint("value"))
    for text, signed in (("00", 0), ("01", -1), ("02", 1), ("ff" * 9 + "01", -(2**63))):
        yield f"int {text}", signed, outcome(lambda: Reader(bytes.fromhex(text)).signed("value"))
    yield "opt missing", None, Reader(b"\x00").opt("value")
    yield "opt 0", 0, Reader(b"\x01").opt("value")
    yield "slots", [5, 6, 8], Reader(b"\x05\x00\x01").slots("slot", 3, 9)
    yield "slots above", "badPayload", outcome(lambda: Reader(b"\x05\x03").slots("slot", 2, 9))
    yield "count beyond", "badPayload", outcome(lambda: Reader(b"\x03\x00").count("count", 1))
    yield from frame_self_tests()


def frame_self_tests() -> Iterator[Tuple[str, Any, Any]]:
    """Cases of whole frames, and of the order of their checks."""
    def judge(data: bytes, bounds: Bounds = Bounds()) -> Any:
        return outcome(lambda: read_frame(data, 0, bounds, None).fields)

    ping = assemble(0x04, bytes(7) + b"\x09")
    yield "PING", {"token": 9}, judge(ping)
    for size in range(len(ping)):
        yield f"PING cut at {size}", "incomplete", judge(ping[:size])
    for index in range(len(ping)):
        flipped = ping[:index] + bytes([ping[index] ^ 0x40]) + ping[index + 1 :]
        yield f"PING changed at {index}", True, isinstance(judge(flipped), str)
    yield "ignorable", None, judge(assemble(0x80, b"anything"))
    yield "ignorable, not inflated", None, judge(assemble(0x80, b"no stream", 100))
    yield "reserved", "unknownType", judge(assemble(0x20, b""))
    yield from define_self_tests()
    yield from host_frame_self_tests()
    zeros = bytes(1000)
    packed = zlib.compress(zeros)
    yield "inflate", zeros, outcome(lambda: inflate(packed, 1000))
    yield "inflate more", "badCompression", outcome(lambda: inflate(packed, 999))
    yield "inflate less", "badCompression", outcome(lambda: inflate(packed, 1001))
    yield "inflate and more", "badCompression", outcome(lambda: inflate(packed + b"x", 1000))
    yield "inflate cut", "badCompression", outcome(lambda: inflate(packed[:-1], 1000))
    yield "too early", "badCompression", judge(assemble(0x80, packed, 1000), BEFORE_WELCOME)
    large = assemble(0x04, bytes(8), LIMITS["maximumRawBytes"] + 1)
    yield "rawLength before all else", "frameTooLarge", judge(large[:HEADER_BYTES])


def define_self_tests() -> Iterator[Tuple[str, Any, Any]]:
    """The largest DEFINE, which is too long for a vector."""
    def runs_of(count: int, strings: int) -> Any:
        numbers = [count, strings] + [0] * strings + [0] * count + [1] * count
        numbers += [0] * (7 * count) + [1] * (2 * count) + [0] * (6 * count)
        payload = b"".join(leb128(number) for number in numbers)
        return outcome(lambda: len(read_payload("DEFINE", payload)["runs"]))

    runs, strings = LIMITS["maximumDefinesPerFrame"], LIMITS["maximumStringsPerFrame"]
    yield "DEFINE of the most runs", runs, runs_of(runs, 1)
    yield "DEFINE of one run more", "badPayload", runs_of(runs + 1, 1)
    yield "DEFINE of the most strings", 1, runs_of(1, strings)
    yield "DEFINE of one string more", "badPayload", runs_of(1, strings + 1)


def host_frame_self_tests() -> Iterator[Tuple[str, Any, Any]]:
    """The most that one frame about a whole host may have, and one more."""
    def size_of(name: str, rows_name: str, numbers: List[int]) -> Any:
        payload = b"".join(leb128(number) for number in numbers)
        return outcome(lambda: len(read_payload(name, payload)[rows_name]))

    def judge(limit: str, name: str, rows_name: str,
              numbers: Callable[[int], List[int]]) -> Iterator[Tuple[str, Any, Any]]:
        most = LIMITS[limit]
        yield f"{name} of the most", most, size_of(name, rows_name, numbers(most))
        yield f"{name} of one more", "badPayload", size_of(name, rows_name, numbers(most + 1))

    yield from judge(
        "maximumTotalsPerFrame", "TOTALS", "totals",
        lambda count: [0, count, 0] + [2] * count + [0] * (4 * count) + [10] * count
        + [1] * (10 * count) + [0] * (30 * count),
    )
    yield from judge(
        "maximumCgroupsPerFrame", "CGROUP", "cgroups",
        lambda count: [0, count] + [0] * (2 * count) + [1] * count + [0] * (6 * count),
    )
    yield from judge(
        "maximumKillsPerFrame", "OOM", "kills", lambda count: [0, count, 0] + [0] * (11 * count)
    )
    yield from judge(
        "maximumGapsPerFrame", "GAP", "gaps",
        lambda count: [0, count] + [0] * count + [4] * count + [0] * (3 * count),
    )
    yield from judge(
        "maximumSectionsPerFrame", "SECTIONS", "sections",
        lambda count: [0, count, 1, 0] + [1] * count + [0] * (2 * count) + [1] * count
        + [0] * count + [1] * count + [0] * (4 * count) + [1] * count + [0] * (2 * count),
    )
    yield from judge(
        "maximumGrowthRunsPerFrame", "PYTHON_GROWTH", "runs",
        lambda count: [0, 0, count] + [1] * count + [0] * (6 * count),
    )
    yield from judge(
        "maximumCoveredPerFrame", "COVERED", "windows",
        lambda count: [1, count] + [0] * (2 * count),
    )
    yield "ordinals", [5, MAXIMUM_U64], outcome(
        lambda: Reader(b"\x05" + leb128(MAXIMUM_U64 - 6)).ordinals("ordinal", 2)
    )
    yield "ordinals above", "badPayload", outcome(
        lambda: Reader(b"\x05" + leb128(MAXIMUM_U64 - 5)).ordinals("ordinal", 2)
    )


def leb128(value: int) -> bytes:
    """The shortest form of a number of section 4."""
    taken = bytearray()
    while value > 0x7F:
        taken.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(taken + bytes([value]))


def run_self_test() -> int:
    """All built-in cases; the exit status."""
    tally = Tally()

    def compare(expected: Any, actual: Any) -> None:
        if type(expected) is not type(actual) or expected != actual:
            raise Mismatch(f"{actual!r} instead of {expected!r}")

    for name, expected, actual in self_tests():
        tally.check(name, lambda: compare(expected, actual))
    return tally.close()


# --- Command line ---------------------------------------------------------------------------


def main(arguments: List[str]) -> int:
    """The exit status for the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="decode.py", description="Decodes and checks frames of Highwater, version 1."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("file", nargs="?", metavar="FILE", help="a capture, raw or .hex, or -")
    action.add_argument("--check", metavar="DIR", help="check all vectors of a directory")
    action.add_argument("--self-test", action="store_true", help="check the built-in cases")
    options = parser.parse_args(arguments)
    if options.self_test:
        return run_self_test()
    if options.check is not None:
        return check_directory(options.check)
    try:
        return print_capture(options.file)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
