"""pandas: makes a frame, merges, groups, sorts and maps strings."""

import numpy
import pandas

from waiting import run


def make_frames(rows):
    generator = numpy.random.default_rng(7)
    left = pandas.DataFrame({
        "key": generator.integers(0, rows // 10, rows),
        "value": generator.random(rows),
        "other": generator.random(rows),
    })
    right = pandas.DataFrame({"key": numpy.arange(rows // 10)})
    right["weight"] = generator.random(rows // 10)
    return left, right


def merge(left, right):
    merged = left.merge(right, on="key")
    merged["product"] = merged["value"] * merged["weight"]
    return merged


def group(merged):
    means = merged.groupby("key").agg({"value": "mean", "product": "median"})
    return means.sort_values("product")


def names(merged):
    text = merged["key"].map("key {}".format)
    return text.str.upper()


def work(scale):
    left, right = make_frames(int(1000000 * scale))
    merged = merge(left, right)
    means = group(merged)
    text = names(merged)
    return len(means) + len(text)


run(work)
