// The same as index.js, for `import`.
import syncmgr from './index.js';

export default syncmgr;
export const {
  open, unlink, once, lockMany, version, libraryPath,
  compareClocks, mergeClocks, resolve,
  Barrier, Channel, Condition, Election, Events, Guard, Inbox, Latch, Leadership, Loan, Manager,
  ManyGuard, Memory, Message, Mutex, Party, Permits, RWGuard, RWLock, Resource, Semaphore,
  Store, SyncEvent, SyncPoint, Transaction, View, Workstream,
  SyncError, AlreadyError, BrokenBarrierError, BusyError, CancelledError, ChangedError, ClosedError,
  CorruptError, DeadlockError, ExistsError, FailedError, ForkedError, FullError, GapError,
  HandleError, InvalidError, LateError, LimitError, LostError, MismatchError, NameError,
  NoMemoryError,
  NoSpaceError, NotExpectedError, NotFoundError, NotOwnerError, OverflowError, PermissionError,
  SyncPointFailedError, SystemError, TimeoutError, TooLargeError, UnavailableError, UnknownError,
  UnsupportedError, VersionError, WrongTypeError, PreemptedError, RankError, UnsafeError,
} = syncmgr;
