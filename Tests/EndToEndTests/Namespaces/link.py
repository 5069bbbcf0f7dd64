"""A cable between two network namespaces that loses and delays packets as it is told.

usage: link.py LEFT_PID RIGHT_PID SEED

Makes a TUN device "left" in the network namespace of the one process and "right" in that of the
other, and passes packets between them. Reads lines "loss SHARE" and "delay SECONDS" from
standard input, answers each with "ok" and the number of packets lost so far, and ends with it.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST_PACKET = 65536
QUEUED_PACKETS = 10000


def open_device(name, pid):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "netns", pid], check=True)
    return device


def write(device, packet):
    try:
        os.write(device, packet)
    except OSError:
        pass  # Its end is down: a cable does not care.


def main():
    left, right, seed = sys.argv[1:4]
    chance = random.Random(int(seed))
    first = open_device("left", left)
    second = open_device("right", right)
    other = {first: second, second: first}
    print("ready", flush=True)
    loss, delay, queue, number, lost = 0.0, 0.0, [], 0, 0
    while True:
        wait = max(0.0, queue[0][0] - time.monotonic()) if queue else None
        ready, _, _ = select.select([0, first, second], [], [], wait)
        if 0 in ready:
            words = sys.stdin.readline().split()
            if not words:
                return
            if words[0] == "loss":
                loss = float(words[1])
            else:
                delay = float(words[1])
            print("ok", lost, flush=True)
        for device in (first, second):
            if device not in ready:
                continue
            packet = os.read(device, LARGEST_PACKET)
            if chance.random() < loss or len(queue) >= QUEUED_PACKETS:
                lost += 1
            else:
                number += 1
                heapq.heappush(queue, (time.monotonic() + delay, number, other[device], packet))
        while queue and queue[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(queue)
            write(device, packet)


main()
