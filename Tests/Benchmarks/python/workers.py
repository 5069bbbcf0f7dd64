"""Two processes of a multiprocessing pool, which keep what they are told to make."""

import multiprocessing
import os

from waiting import run

kept = []


def own_id(_):
    return os.getpid()


def make_rows(count):
    kept.append([{"id": i, "name": "name %d" % i, "values": [i, str(i)]} for i in range(count)])
    return len(kept)


if __name__ == "__main__":
    pool = multiprocessing.get_context("fork").Pool(1)
    print("worker", pool.map(own_id, [0])[0], flush=True)

    def work(scale):
        return sum(pool.map(make_rows, [int(60000 * scale)] * 8, chunksize=1))

    run(work)
    pool.close()
    pool.join()
