"""Start as many of these as you like, in any language: they move money between three accounts, and
whatever happens to them none is lost. `python3 store.py`
"""

import os

import syncmgr

ACCOUNTS = ["accounts/a", "accounts/b", "accounts/c"]

with syncmgr.open("shm:jobs") as space:
    store = space.store()
    for account in ACCOUNTS:
        store.put_if_absent(account, 100)

    for source, target in zip(ACCOUNTS, ACCOUNTS[1:] + ACCOUNTS[:1]):

        def move(tx):
            tx[source] -= 10
            tx[target] += 10

        # Others see both changes or none. When they were faster it is done anew.
        store.transact(move)
        print(f"process {os.getpid()} moved 10 from {source} to {target}")

    # All of one moment.
    total = sum(entry.value for entry in store.range("accounts/"))
    print(f"process {os.getpid()} counts {total}")
