// The errors of the library, for TypeScript. index.d.ts exports all this.

import type { SyncPointResult } from './primitives.js';

/** `code` is ERR_SYNCMGR_ and the status without E_. */
export class SyncError extends Error {
  readonly status: number;
  readonly code: string;
}
export class AlreadyError extends SyncError {}
export class BrokenBarrierError extends SyncError {}
export class BusyError extends SyncError {}
export class CancelledError extends SyncError {}
/** Of a store it says which key has another version, and which. */
export class ChangedError extends SyncError {
  readonly key?: string;
  readonly version?: bigint;
}
export class ClosedError extends SyncError {}
export class CorruptError extends SyncError {}
export class ExistsError extends SyncError {}
/** Something did not come about; the `cause` may say more. */
export class FailedError extends SyncError {}
export class ForkedError extends SyncError {}
export class FullError extends SyncError {}
export class GapError extends SyncError {}
export class HandleError extends SyncError {}
export class InvalidError extends SyncError {}
/** Came to a sync point after its end. */
export class LateError extends SyncError {
  readonly result?: SyncPointResult;
}
export class LimitError extends SyncError {}
export class LostError extends SyncError {}
export class MismatchError extends SyncError {}
export class NameError extends SyncError {}
export class NoMemoryError extends SyncError {}
export class NoSpaceError extends SyncError {}
export class NotExpectedError extends SyncError {}
export class NotFoundError extends SyncError {}
export class NotOwnerError extends SyncError {}
export class OverflowError extends SyncError {}
export class PermissionError extends SyncError {}
export class SyncPointFailedError extends FailedError {
  readonly result?: SyncPointResult;
}
export class SystemError extends SyncError {}
export class TimeoutError extends SyncError {
  /** Of a sync point. */
  readonly result?: SyncPointResult;
}
export class TooLargeError extends SyncError {}
export class UnavailableError extends SyncError {}
export class UnknownError extends SyncError {}
export class UnsupportedError extends SyncError {}
export class VersionError extends SyncError {}
export class WrongTypeError extends SyncError {}
