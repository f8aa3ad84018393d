"""What this process is: how often it was forked, and what it has to close at its end."""

import atexit
import os
import threading
import weakref

_generation = 0
_managers: weakref.WeakSet = weakref.WeakSet()
_in_child: list = []


def generation():
    """A number that a forked child has one higher than its parent.

    The library refuses inherited handles by itself. The number tells close, and whatever would
    wait for a thread that exists in the parent only, that there is nothing to do.
    """
    return _generation


def register(manager):
    """Has the manager closed at the end of the process, after the threads have ended.

    A process that merely stops is a dead one to the others, and leaves the segment to them.
    """
    _managers.add(manager)


def run_in_child(function):
    """Has `function` called in every forked child."""
    _in_child.append(function)


def _after_fork_in_child():
    global _generation, _managers
    _generation += 1
    _managers = weakref.WeakSet()
    for function in _in_child:
        function()


def _silence_the_closed():
    """Daemon threads that wait at the end of the program are told by Closed, and end by it: that is
    no error which anybody would want to read."""
    from .errors import Closed

    print_error = threading.excepthook

    def hook(args):
        if not isinstance(args.exc_value, Closed):
            print_error(args)

    threading.excepthook = hook


def _close_all():
    _silence_the_closed()
    for manager in list(_managers):
        manager.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_close_all)
