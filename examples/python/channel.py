"""Start as many of these as you like, in any language: each has three jobs for whoever comes first,
and does three. `python3 channel.py`
"""

import os

import syncmgr

with syncmgr.open("shm:jobs") as space:
    jobs = space.workstream().queue_channel("jobs", acknowledge=True)
    for number in (1, 2, 3):
        jobs.send(f"job {number} of process {os.getpid()}".encode())
    for _ in range(3):
        # Only at the end of `with` it is gone: had this process died, somebody else would do it.
        with jobs.recv() as job:
            print(f"process {os.getpid()} does {job.data.decode()}")
