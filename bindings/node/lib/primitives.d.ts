// Readers-writer lock, condition, election, phaser, sync point and lockMany, for TypeScript.
// index.d.ts exports all this.

import type { BarrierOutcome, Guard, Hold, Holder, Manager, Mutex, Permits, Semaphore, SyncObject,
  WaitOptions, Workstream } from './index.js';

export type LockMode = 'shared' | 'exclusive';

export interface RWLockOptions {
  /** Strictly first come, first served. */
  fair?: boolean;
}

export interface LockOptions extends WaitOptions {
  /** 'exclusive' when left out. */
  mode?: LockMode;
}

/** Who holds a readers-writer lock. `amount` is the number of shared holds. */
export interface RWHolder extends Holder {
  mode: LockMode;
}

/** One hold of a readers-writer lock. Several guards of one workstream change their mode together,
 *  and after that the last release() of them unlocks. */
export interface RWGuard extends Hold {
  /** Undefined after the release. */
  readonly mode: LockMode | undefined;
  /** Whether an exclusive owner died, and nobody has had the lock exclusively since. */
  readonly recovered: boolean;
  readonly previousOwner: Holder | null;
  /** The fencing token of this owner's latest grant. */
  readonly token: bigint;
  /** Whether the hold is still there: it may have been taken away by force. */
  isValid(): boolean;
  /** Waits until the other readers have left. Rejects with DeadlockError while another upgrades. */
  upgrade(options?: WaitOptions): Promise<void>;
  downgrade(): void;
}
export const RWGuard: abstract new () => RWGuard;

export class RWLock extends SyncObject {
  private constructor();
  lock(options?: LockOptions): Promise<RWGuard>;
  tryLock(options?: { mode?: LockMode }): RWGuard | null;
  /** Runs the task while holding the lock shared. */
  read<T>(task: (guard: RWGuard) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;
  /** Runs the task while holding the lock exclusively. */
  write<T>(task: (guard: RWGuard) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;
  holders(): RWHolder[];
  /** The last exclusive owner that died or was forced out. */
  readonly previousOwner: Holder | null;
  /** Returns false when nobody held the lock. */
  forceRelease(): boolean;
}

type Truthy<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

export class Condition extends SyncObject {
  private constructor();
  /** `held` is the guard of the caller's hold, or the mutex if it is held through that object. The
   *  mutex is locked again when this settles, also after a timeout or an abort. */
  wait(held: Guard | Mutex, options?: WaitOptions): Promise<void>;
  /** Waits until the predicate is true, and resolves with what it returned. */
  waitFor<T>(held: Guard | Mutex, predicate: () => T | PromiseLike<T>,
    options?: WaitOptions): Promise<Truthy<T>>;
  /** Returns how many were signalled. */
  signal(count?: number): number;
  broadcast(): number;
  /** How many wait for a signal. */
  readonly waiting: number;
}

/** One term of an election. */
export interface Leadership extends Hold {
  readonly leader: true;
  /** The fencing token. */
  readonly term: bigint;
  /** Whether this leads still: the leadership may have been taken away by force. */
  isValid(): boolean;
  /** Ends the election by a result of at most 256 bytes for everybody. */
  finish(result?: string | ArrayBuffer | ArrayBufferView): void;
  /** Steps down; the same as release(). */
  resign(): void;
}
export const Leadership: abstract new () => Leadership;

export type Verdict = Leadership | { leader: false; result: Buffer };

export class Election extends SyncObject {
  private constructor();
  campaign(options?: WaitOptions): Promise<Verdict>;
  /** As in the Leadership that a task of this program has through this object. */
  finish(result?: string | ArrayBuffer | ArrayBufferView): void;
  resign(): void;
  /** Null while there is none. */
  readonly result: Buffer | null;
  readonly leader: Holder | null;
  /** Forgets the result. */
  reset(): void;
  /** Returns false when nobody led. */
  forceRelease(): boolean;
}

/** One party of a phaser. */
export interface Party {
  /** Whether it is a party no more. */
  readonly left: boolean;
  wait(options?: WaitOptions): Promise<BarrierOutcome>;
  arrive(): Promise<Omit<BarrierOutcome, 'index'>>;
  /** Calling again does nothing. */
  leave(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
export const Party: abstract new () => Party;

/** Runs `task` once for all processes of the space, and resolves in all of them with what it
 *  returned, which travels as JSON of at most 256 bytes. `name` is the name of an election. */
export function once<T>(opener: Manager | Workstream, name: string,
  task: (leadership: Leadership) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;

export interface SyncPointOptions {
  /** How many suffice: a number, a fraction between 0 and 1, or a function of how many are
   *  expected. All when left out. */
  minimum?: number | ((expected: number) => number);
  /** Those without whom it cannot succeed. */
  required?: Iterable<string>;
  /** When its time is over, in milliseconds from its creation. */
  timeout?: number;
  /** When the time is over those who are there suffice, if they are enough. */
  continueOnTimeout?: boolean;
  /** Who died counts as missing. */
  continueOnFailure?: boolean;
  /** The minimum suffices only when the time is over or nobody more can come. */
  waitForAll?: boolean;
}

export type SyncPointStatus = 'waiting' | 'partial_complete' | 'complete' | 'failed' | 'timed_out';

/** The result of a sync point; while it waits, how it stands. */
export interface SyncPointResult {
  status: SyncPointStatus;
  /** Enough were there: the minimum, or, where none was given, at least one. */
  metMinimum: boolean;
  requiredMet: boolean;
  /** The minimum as a number; all, where none was given. */
  minimum: number;
  /** In the order of their arrival. */
  participating: string[];
  missing: string[];
  /** Those of the missing whose process died, or that said that they failed. */
  failed: string[];
  /** Those of the missing that came after the end; grows. */
  late: string[];
  completedAt: Date | null;
  /** Why it is not complete; '' when there is nothing to say. */
  reason: string;
}

/** A workstream takes part by its name, so a sync point is mostly opened through one. */
export class SyncPoint extends SyncObject {
  private constructor();
  /** Rejects with TimeoutError, SyncPointFailedError or LateError, whose `result` tells more, and
   *  with NotExpectedError for a stranger. */
  wait(options?: WaitOptions): Promise<SyncPointResult>;
  /** Each returns false when the point had ended. */
  forceComplete(): boolean;
  cancel(reason?: string): boolean;
  fail(reason?: string): boolean;
  readonly result: SyncPointResult;
  readonly expected: string[];
  readonly required: string[];
}

/** One of several locks. A semaphore alone is for one permit, an RWLock alone is exclusive. */
export type Lockable = Mutex | Semaphore | RWLock |
  { lock: Mutex; count?: never; mode?: never } |
  { lock: Semaphore; count?: number; mode?: never } |
  { lock: RWLock; count?: never; mode?: LockMode };

/** The holds of several locks that were taken together. */
export interface ManyGuard {
  /** In the order in which the locks were given. */
  readonly guards: ReadonlyArray<Guard | Permits | RWGuard>;
  /** Whether any of them was inherited from an owner that died. */
  readonly recovered: boolean;
  readonly released: boolean;
  /** Releases all of them. Calling again does nothing. */
  release(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
export const ManyGuard: abstract new () => ManyGuard;

/** Locks all or none, within `timeout` for all together, in an order that is the same for the whole
 *  space: callers who hold nothing else never deadlock. All are opened through one manager, or all
 *  through one workstream. */
export function lockMany(locks: ReadonlyArray<Lockable>, options?: WaitOptions):
  Promise<ManyGuard>;
