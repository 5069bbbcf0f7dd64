"""Tells an agent of a section, by Protocol/section-datagram-v1.md; silent if there is none."""

import json
import os
import socket
import stat
from typing import Any, Dict, Optional, Union

from . import _kernel
from ._peak import Peak

#: Where the agent listens, unless HIGHWATER_SOCKET names another path or, being empty, none.
DEFAULT_SOCKET = "/run/memagent/sections.sock"
LONGEST_DATAGRAM_BYTES = 4096
LONGEST_NAME_BYTES = 256

Name = Union[str, Dict[str, str]]


def encode(fields: Dict[str, Any]) -> bytes:
    """The line for these fields, in their order."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def name_field(name: str) -> Name:
    """A name as it is sent: cut to 256 bytes, as hex where it is not UTF-8.

    What `os.fsdecode` made of bytes that are not UTF-8 becomes these bytes again.
    """
    try:
        data = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair that stands for no byte
        data = name.encode("utf-8", "replace")
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data[:LONGEST_NAME_BYTES]
    else:
        # The cut may only have split the last character, and that is left out.
        data = data[:LONGEST_NAME_BYTES].decode("utf-8", "ignore").encode()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}


class Sender:
    """Sends this process's datagrams and counts those that the agent had no room for.

    A socket is made for each one and none is kept: a program may close every descriptor that it
    does not know, and the number of ours would lead to a peer of its own.
    """

    def __init__(self) -> None:
        self._start_ticks: Optional[int] = None
        self._unsent_count = 0

    def send_section(self, peak: Peak, life_kib: Optional[int], was_reset: bool) -> bool:
        """Tells of a section that has ended; True if the agent has it."""
        path = _listening_path()
        if path is None or peak._most_kib is None:
            return False
        start = peak._start_kib if peak._start_kib is not None else peak._most_kib
        end = peak._end_kib if peak._end_kib is not None else peak._most_kib
        return self._send(
            path,
            "section",
            {
                "name": name_field(peak.name),
                "startedAt": peak._started // 1000,
                "endedAt": max(peak._started, peak._ended) // 1000,
                "startKiB": start,
                "endKiB": end,
                "peakKiB": peak._most_kib,
                "method": peak.method,
                "exact": peak.is_exact,
                "shared": peak.is_shared,
                "markReset": was_reset,
                "lifetimeKiB": life_kib,
            },
        )

    def send_reset(self, life_kib: Optional[int]) -> bool:
        """Tells of the mark that is about to be reset; True if the agent has it."""
        path = _listening_path()
        if path is None or life_kib is None:
            return False
        now = _kernel.boot_nanoseconds() // 1000
        return self._send(path, "reset", {"at": now, "lifetimeKiB": life_kib})

    def _send(self, path: str, kind: str, fields: Dict[str, Any]) -> bool:
        if self._start_ticks is None:
            self._start_ticks = _kernel.start_ticks()
            if self._start_ticks is None:
                return False
        identity = {"v": 1, "kind": kind, "pid": os.getpid(), "startTicks": self._start_ticks}
        data = encode({**identity, **fields, "unsentCount": self._unsent_count})
        kind_of_socket = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind_of_socket) as sending:
                sending.sendto(data, path)
        except BlockingIOError:
            self._unsent_count += 1
            return False
        except OSError:  # nobody listens, or not for us
            return False
        return True


def _listening_path() -> Optional[str]:
    """Where an agent may be listening; None if there is no socket."""
    path = os.environ.get("HIGHWATER_SOCKET", DEFAULT_SOCKET)
    try:
        return path if path and stat.S_ISSOCK(os.stat(path).st_mode) else None
    except (OSError, ValueError):
        return None
