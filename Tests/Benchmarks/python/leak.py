"""Remembers a few small objects among many that are dropped: what grew is not what is kept."""

from waiting import run

cache = {}


def churn(number):
    rows = [{"row": row, "text": str(row)} for row in range(4000)]
    return len(rows) + number


def remember(number):
    cache[number] = {"number": number, "tags": [str(number), float(number)]}


def work(scale):
    number = 0
    for _ in range(int(1500 * scale)):
        held = [churn(number) for _ in range(2)]
        for _ in range(60):
            remember(number)
            number += 1
        del held
    return len(cache)


run(work)
