// The same as index.js, for `import`.
import syncmgr from './index.js';

export default syncmgr;
export const {
  open, unlink, once, version, libraryPath,
  Barrier, Condition, Election, Events, Guard, Inbox, Latch, Leadership, Manager, Mutex, Party,
  Permits, RWGuard, RWLock, Resource, Semaphore, SyncEvent, Workstream,
  SyncError, AlreadyError, BrokenBarrierError, BusyError, CancelledError, ClosedError, CorruptError,
  DeadlockError, ExistsError, ForkedError, GapError, HandleError, InvalidError, LateError,
  LimitError, LostError, MismatchError, NameError, NoMemoryError, NoSpaceError, NotFoundError,
  NotOwnerError, OverflowError, PermissionError, SystemError, TimeoutError, UnavailableError,
  UnknownError, UnsupportedError, VersionError, WrongTypeError, FailedError, PreemptedError,
  RankError, UnsafeError,
} = syncmgr;
