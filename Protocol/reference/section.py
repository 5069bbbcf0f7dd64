#!/usr/bin/env python3
"""A second definition of Highwater's section datagrams, version 1.

This program was written from `Protocol/section-datagram-v1.md` alone and shares nothing with the
programs that send or receive them. It uses Python's standard library only (3.8 or later).

    section.py FILE|-       prints what the datagrams of a file, one a line, mean
    section.py --check DIR  checks every vector of a directory against its meaning

Exit status: 0 all well, 1 the input breaks a rule or a check failed, 2 used wrongly.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

LONGEST_DATAGRAM_BYTES = 4096
LONGEST_NAME_BYTES = 256
DEEPEST_NESTING = 8
LARGEST_NUMBER = (1 << 53) - 1
LARGEST_PID = (1 << 31) - 1

IDENTITY = ["v", "kind", "pid", "startTicks"]
FIELDS = {
    "section": [
        "name", "startedAt", "endedAt", "startKiB", "endKiB", "peakKiB", "method", "exact",
        "shared", "markReset", "lifetimeKiB", "unsentCount",
    ],
    "reset": ["at", "lifetimeKiB", "unsentCount"],
}  # fmt: skip
BOOLEANS = {"exact", "shared", "markReset"}


class Refused(Exception):
    """A datagram breaks a rule; `error` is its name in section 4."""

    def __init__(self, error: str, note: str) -> None:
        super().__init__(f"{error}: {note}")
        self.error = error


def decode(data: bytes) -> Dict[str, Any]:
    """The fields of a datagram, those that are not known left out; raises Refused."""
    if len(data) > LONGEST_DATAGRAM_BYTES:
        raise Refused("tooLarge", f"{len(data)} bytes")
    if data.find(b"\n") != len(data) - 1 or not data:
        raise Refused("badLine", "not one line")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("badLine", "not UTF-8") from error
    message = _object(text[:-1])
    if not _is_number(message.get("v")) or message["v"] != 1:
        raise Refused("unknownVersion", repr(message.get("v")))
    kind = message.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise Refused("unknownKind", repr(kind))
    fields = {}
    for key in IDENTITY + FIELDS[kind]:
        if key not in message:
            raise Refused("badField", f"{key} is missing")
        fields[key] = message[key]
        if key not in ("kind", "v"):
            _check(key, message[key], kind)
    _check_together(fields)
    return fields


def encode(fields: Dict[str, Any]) -> bytes:
    """The bytes that a sender makes of a meaning."""
    order = IDENTITY + FIELDS[fields["kind"]]
    text = json.dumps({key: fields[key] for key in order}, ensure_ascii=False,
                      separators=(",", ":"))  # fmt: skip
    return text.encode("utf-8") + b"\n"


def _object(text: str) -> Dict[str, Any]:
    def pairs(items: List[Tuple[str, Any]]) -> Dict[str, Any]:
        keys = [key for key, _ in items]
        if len(set(keys)) != len(keys):
            raise Refused("badJSON", "a key occurs twice")
        return dict(items)

    def constant(word: str) -> Any:
        raise Refused("badJSON", f"{word} is not JSON")

    if _depth(text) > DEEPEST_NESTING:
        raise Refused("badJSON", "nested too deep")
    try:
        message = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except ValueError as error:
        raise Refused("badJSON", str(error)) from error
    if not isinstance(message, dict):
        raise Refused("badJSON", "no object")
    return message


def _depth(text: str) -> int:
    """How deep brackets nest outside of strings."""
    depth = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_NUMBER


def _check(key: str, value: Any, kind: str) -> None:
    if key == "name":
        good = _is_name(value)
    elif key == "method":
        good = value in ("mark", "sampled") and isinstance(value, str)
    elif key in BOOLEANS:
        good = isinstance(value, bool)
    elif key == "pid":
        good = _is_number(value) and 1 <= value <= LARGEST_PID
    elif key == "lifetimeKiB" and kind == "section":
        good = value is None or _is_number(value)
    else:
        good = _is_number(value)
    if not good:
        raise Refused("badField", f"{key} is {value!r}")


def _is_name(value: Any) -> bool:
    if isinstance(value, str):
        try:
            return 1 <= len(value.encode("utf-8")) <= LONGEST_NAME_BYTES
        except UnicodeEncodeError:
            return False
    if not isinstance(value, dict) or list(value) != ["hex"] or not isinstance(value["hex"], str):
        return False
    if re.fullmatch("(?:[0-9a-f]{2}){1,%d}" % LONGEST_NAME_BYTES, value["hex"]) is None:
        return False
    try:
        bytes.fromhex(value["hex"]).decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _check_together(fields: Dict[str, Any]) -> None:
    if fields["kind"] != "section":
        return
    rules = [
        ("endedAt is before startedAt", fields["startedAt"] <= fields["endedAt"]),
        ("peakKiB is below startKiB", fields["startKiB"] <= fields["peakKiB"]),
        ("peakKiB is below endKiB", fields["endKiB"] <= fields["peakKiB"]),
        ("exact, but sampled", not fields["exact"] or fields["method"] == "mark"),
        (
            "lifetimeKiB is below peakKiB",
            fields["lifetimeKiB"] is None or fields["peakKiB"] <= fields["lifetimeKiB"],
        ),
    ]
    for note, holds in rules:
        if not holds:
            raise Refused("badField", note)


def vector_bytes(vector: Dict[str, Any]) -> bytes:
    """The datagram of a vector, which is there as text or as hex."""
    if "text" in vector:
        return str(vector["text"]).encode("utf-8")
    return bytes.fromhex(vector["hex"])


def check_vector(vector: Dict[str, Any]) -> str:
    """What is wrong with a vector; empty if nothing is."""
    data = vector_bytes(vector)
    try:
        fields = decode(data)
    except Refused as refused:
        expected = vector.get("error")
        return "" if refused.error == expected else f"{refused}, not {expected or 'valid'}"
    if "error" in vector:
        return f"taken, and not refused as {vector['error']}"
    if fields != vector["fields"]:
        return f"means {fields}"
    if vector["canonical"] and encode(fields) != data:
        return f"would be sent as {encode(fields)!r}"
    return ""


def check(folder: Path) -> int:
    """Checks all vectors of a folder, valid and invalid; 0 if they hold."""
    paths = sorted(folder.glob("*.json")) + sorted(folder.glob("invalid/*.json"))
    failures = 0
    for path in paths:
        vector = json.loads(path.read_text(encoding="utf-8"))
        wrong = check_vector(vector)
        if ("error" in vector) != (path.parent.name == "invalid"):
            wrong = wrong or "is in the wrong folder"
        if wrong:
            failures += 1
            print(f"{path}: {wrong}")
    print(f"{len(paths)} vectors of section datagrams, {failures} wrong")
    return 1 if failures or not paths else 0


def main(arguments: List[str]) -> int:
    """The tool."""
    if len(arguments) == 2 and arguments[0] == "--check":
        return check(Path(arguments[1]))
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    data = sys.stdin.buffer.read() if arguments[0] == "-" else Path(arguments[0]).read_bytes()
    status = 0
    for line in data.splitlines(keepends=True):
        try:
            print(json.dumps(decode(line)))
        except Refused as refused:
            print(refused, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
