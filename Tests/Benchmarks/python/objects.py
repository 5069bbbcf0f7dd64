"""Makes, keeps and drops objects: records, a tree, JSON, counters and what is thrown away."""

import json
from collections import Counter

from waiting import run


def records(count):
    rows = []
    for i in range(count):
        row = {"id": i, "name": "name %d" % (i % 977)}
        row["values"] = [i, i * 2.5, str(i)]
        rows.append(row)
    return rows


class Node:
    def __init__(self, depth):
        self.left = Node(depth - 1) if depth else None
        self.right = Node(depth - 1) if depth else None


def text_of(rows):
    return json.dumps(rows)


def rows_of(text):
    return json.loads(text)


def pairs(count):
    return [(i, str(i)) for i in range(count)]


def churn(count):
    total = 0
    for _ in range(count):
        total += len([str(j) for j in range(40)])
    return total


def words(rows):
    return Counter(row["name"] + str(row["id"] // 7) for row in rows)


def work(scale):
    kept = records(int(120000 * scale))
    tree = Node(17)
    text = text_of(kept[: int(60000 * scale)])
    again = rows_of(text)
    counted = words(kept)
    tuples = pairs(int(150000 * scale))
    churned = churn(int(12000 * scale))
    blocks = [bytearray(1 << 20) for _ in range(int(40 * scale))]
    return len(kept) + len(again) + len(counted) + churned + len(blocks) + len(tuples), tree


run(work)
