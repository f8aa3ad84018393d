"""The floor for a binding on ctypes: the two calls alone, with arguments that were made before.

SPDX-License-Identifier: MIT
"""

import ctypes
import os
from itertools import repeat


def bare_batch(url):
    """Returns a loop of bare calls on a mutex and a workstream of its own in the space."""
    # Neither call waits, so the interpreter's lock need not be given away around it.
    library = ctypes.PyDLL(os.environ["SYNCMGR_LIBRARY"])

    def opened(function, *arguments):
        handle = ctypes.c_void_p()
        status = function(*arguments, ctypes.byref(handle))
        if status < 0:
            raise OSError(f"{function.__name__} returned {status}")
        return handle

    manager = opened(library.syncmgr_open, url.encode(), None)
    workstream = opened(library.syncmgr_workstream_open, manager, None)
    mutex = opened(library.syncmgr_mutex_open, workstream, b"bare", None)

    lock, unlock = library["syncmgr_mutex_lock"], library["syncmgr_mutex_unlock"]
    handle = ctypes.c_void_p.from_param(mutex.value)
    now = ctypes.c_int64.from_param(0)
    if lock(handle, now) != 0 or unlock(handle) != 0:
        raise OSError("the bare calls do not work")

    def batch(pairs):
        for _ in repeat(None, pairs):
            lock(handle, now)
            unlock(handle)

    return batch
