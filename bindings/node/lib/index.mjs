// The same as index.js, for `import`.
import syncmgr from './index.js';

export default syncmgr;
export const {
  open, unlink, once, lockMany, version, libraryPath,
  Barrier, Channel, Condition, Election, Events, Guard, Inbox, Latch, Leadership, Loan, Manager,
  ManyGuard, Memory, Message, Mutex, Party, Permits, RWGuard, RWLock, Resource, Semaphore,
  SyncEvent, SyncPoint, View, Workstream,
  SyncError, AlreadyError, BrokenBarrierError, BusyError, CancelledError, ChangedError, ClosedError,
  CorruptError, DeadlockError, ExistsError, ForkedError, FullError, GapError, HandleError,
  InvalidError, LateError, LimitError, LostError, MismatchError, NameError, NoMemoryError,
  NoSpaceError, NotExpectedError, NotFoundError, NotOwnerError, OverflowError, PermissionError,
  SyncPointFailedError, SystemError, TimeoutError, TooLargeError, UnavailableError, UnknownError,
  UnsupportedError, VersionError, WrongTypeError, PreemptedError, RankError, UnsafeError,
} = syncmgr;
