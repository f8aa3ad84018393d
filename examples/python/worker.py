"""Four of these work together, in any language, started in any order: `python3 worker.py`.

Where the package is not installed, PYTHONPATH has to name bindings/python/src.
"""

import os

import syncmgr


def repair():
    print("the owner before died: looking at the data before using it")


with syncmgr.open("shm:jobs") as space:
    print(f"process {os.getpid()} waits for three others")
    index = space.barrier("start", 4).wait()

    with space.mutex("db") as lock:
        if lock.recovered:
            print("inherited from", lock.previous_owner)
            repair()
        print(f"number {index} uses the data, token {lock.token}")

    with space.semaphore("printers", 2):
        print(f"number {index} prints, with one other at most")

    done = space.latch("done", 4)
    done.count_down()
    if not done.wait(timeout=10):
        print("somebody did not finish")
