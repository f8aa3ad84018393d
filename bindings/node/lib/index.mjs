// The same as index.js, for `import`.
import syncmgr from './index.js';

export default syncmgr;
export const {
  open, unlink, once, lockMany, version, libraryPath,
  Barrier, Condition, Election, Events, Guard, Inbox, Latch, Leadership, Manager, ManyGuard, Mutex,
  Party, Permits, RWGuard, RWLock, Resource, Semaphore, SyncEvent, SyncPoint, Workstream,
  SyncError, AlreadyError, BrokenBarrierError, BusyError, CancelledError, ClosedError, CorruptError,
  DeadlockError, ExistsError, ForkedError, GapError, HandleError, InvalidError, LateError,
  LimitError, LostError, MismatchError, NameError, NoMemoryError, NoSpaceError,
  NotExpectedError, NotFoundError, NotOwnerError, OverflowError, PermissionError,
  SyncPointFailedError, SystemError, TimeoutError, UnavailableError, UnknownError,
  UnsupportedError, VersionError, WrongTypeError, PreemptedError, RankError, UnsafeError,
} = syncmgr;
