"""The workstreams of asyncio tasks: made at a task's first use, kept for others after its end."""

from functools import partial

from .errors import SyncError

# So many workstreams without a task are kept: opening one costs more than a free mutex.
IDLE_MOST = 1_000


class TaskSession:
    """A workstream for one task after the other, and its objects."""

    def __init__(self, manager):
        self.workstream = manager._implicit_workstream()
        self._objects = {}

    def object(self, shared):
        """The object that acts for this workstream in the place of `shared`."""
        mine = self._objects.get(shared)
        if mine is None:
            mine = type(shared)(self.workstream, shared.name, shared._parameters)
            self._objects[shared] = mine
        return mine

    def holds_nothing(self):
        """Whether another task can take over, as if the workstream were new."""
        try:
            for mine in self._objects.values():
                # A barrier knows who has arrived; the others know nothing of workstreams.
                if mine.arrives or mine._holds():
                    return False
        except SyncError:
            return False
        return True


def session_of(manager, task):
    """The session of a task."""
    session = manager._tasks.get(task)
    if session is None:
        manager._require_open()
        try:
            session = manager._idle_sessions.pop()
        except IndexError:
            session = TaskSession(manager)
        manager._tasks[task] = session
        task.add_done_callback(partial(_end, manager))
    return session


def _end(manager, task):
    session = manager._tasks.pop(task, None)
    if session is None or session.workstream.closed:
        return
    if len(manager._idle_sessions) < IDLE_MOST and session.holds_nothing():
        manager._idle_sessions.append(session)
    else:
        # What the task still held is released.
        session.workstream.close()
