'use strict';
// One class of error per status of the library.

const { native } = require('./loader.js');
const { constants } = require('./api.js');

/** The class of each status. The code of an error is ERR_SYNCMGR_ and the status. */
const NAMES = {
  E_INVALID: 'InvalidError',
  E_HANDLE: 'HandleError',
  E_CLOSED: 'ClosedError',
  E_FORKED: 'ForkedError',
  E_TIMEOUT: 'TimeoutError',
  E_CANCELLED: 'CancelledError',
  E_DEADLOCK: 'DeadlockError',
  E_NOT_OWNER: 'NotOwnerError',
  E_BROKEN: 'BrokenBarrierError',
  E_EXISTS: 'ExistsError',
  E_NOT_FOUND: 'NotFoundError',
  E_TYPE: 'WrongTypeError',
  E_MISMATCH: 'MismatchError',
  E_NAME: 'NameError',
  E_OVERFLOW: 'OverflowError',
  E_ALREADY: 'AlreadyError',
  E_NO_SPACE: 'NoSpaceError',
  E_NO_MEMORY: 'NoMemoryError',
  E_LIMIT: 'LimitError',
  E_PERMISSION: 'PermissionError',
  E_VERSION: 'VersionError',
  E_CORRUPT: 'CorruptError',
  E_SYSTEM: 'SystemError',
  E_UNSUPPORTED: 'UnsupportedError',
  E_BUSY: 'BusyError',
  E_LOST: 'LostError',
  E_UNKNOWN: 'UnknownError',
  E_UNAVAILABLE: 'UnavailableError',
  E_GAP: 'GapError',
  E_LATE: 'LateError',
  E_RANK: 'RankError',
  E_PREEMPTED: 'PreemptedError',
  E_UNSAFE: 'UnsafeError',
  E_FAILED: 'FailedError',
  E_NOT_EXPECTED: 'NotExpectedError',
  E_FULL: 'FullError',
  E_TOO_LARGE: 'TooLargeError',
  E_CHANGED: 'ChangedError',
};

/** What every error of the library is. */
class SyncError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
Object.defineProperty(SyncError.prototype, 'name', { value: 'SyncError' });

const classes = {};
const byStatus = new Map();
for (const [constant, name] of Object.entries(NAMES)) {
  const status = constants[constant];
  const code = constant.replace(/^E_/, 'ERR_SYNCMGR_');
  // The computed key gives the class its name.
  const type = {
    [name]: class extends SyncError {
      constructor(message) {
        super(message, status, code);
      }
    },
  }[name];
  Object.defineProperty(type.prototype, 'name', { value: name });
  classes[name] = type;
  byStatus.set(status, type);
}

/** A sync point failed. */
class SyncPointFailedError extends classes.FailedError {}
Object.defineProperty(SyncPointFailedError.prototype, 'name', { value: 'SyncPointFailedError' });
classes.SyncPointFailedError = SyncPointFailedError;

/** The circle in words; empty for a workstream that waits for itself. */
Object.defineProperty(classes.DeadlockError.prototype, 'cycle', {
  get() {
    const [, words = ''] = this.message.split(/deadlock: (.*)/s);
    return words;
  },
});

/** Makes the error of a status. */
function errorOf(status, message) {
  const type = byStatus.get(status);
  if (type !== undefined) return new type(message);
  return new SyncError(message, status, 'ERR_SYNCMGR_UNKNOWN_STATUS');
}

/** Makes the error of a call that has just failed on this thread, in the library's words. */
function lastError(status) {
  return errorOf(status, native.syncmgr_last_error() || native.syncmgr_status_text(status));
}

/** Makes the error of a started wait that failed: `subject` says what was waited for. */
function waitError(status, subject) {
  return errorOf(status, `${native.syncmgr_status_text(status)}: ${subject}`);
}

/** Makes the error for the use of something that was closed. */
function closedError(subject) {
  return new classes.ClosedError(`${subject} is closed`);
}

/** Returns `status` when it is no error, and throws otherwise. */
function check(status) {
  if (status < 0) throw lastError(status);
  return status;
}

module.exports = { SyncError, ...classes, check, closedError, lastError, waitError };
