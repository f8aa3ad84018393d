// Deadlocks and resources, for TypeScript. Times are in milliseconds.

import type { Holder, SyncError, SyncObject } from './index.js';

export type DeadlockAlgorithm =
  'waitForGraph' | 'resourceAllocationGraph' | 'bankerAlgorithm' | 'timeoutBased';
export type DeadlockVictim =
  'youngest' | 'oldest' | 'lowestPriority' | 'fewestLocks' | 'requester';
export type PreventionStrategy =
  'nothing' | 'ranks' | 'waitDie' | 'woundWait' | 'timeout' | 'avoidance';

/** One workstream of a deadlock: it waits for `object`, which `other` holds or waits for before
 *  it. Of a possible deadlock it took `object` while it held the object that `other` names. */
export interface DeadlockMember {
  name: string;
  pid: number;
  workstream: bigint;
  object: string;
  relation: 'held' | 'behind' | 'took' | 'mayAsk' | 'absent' | null;
  other: string;
  /** Id of the holder; 0n when there is none. */
  holder: bigint;
  holderPid: number;
}

export interface DeadlockRecord {
  id: bigint;
  kind: 'actual' | 'possible' | 'unsafe' | null;
  algorithm: DeadlockAlgorithm | null;
  policy: DeadlockVictim | null;
  /** Milliseconds since 1970. */
  found: number;
  /** null while it stands. */
  resolved: number | null;
  resolution: 'victim' | 'byHand' | 'ended' | null;
  /** Id of the workstream whose wait was ended; 0n for none. */
  victim: bigint;
  /** How many are in it, on the cycle or beside it. */
  workstreams: number;
  members: DeadlockMember[];
  text: string;
}

export interface DeadlockOptions {
  /** Ends the wait of a victim without being asked for. */
  autoResolve?: boolean;
  victim?: DeadlockVictim;
  /** How long a wait lasts before it is looked into; Infinity: it is not. */
  delay?: number;
  /** How often all are looked into; Infinity: never. */
  interval?: number;
  /** The age of a wait that 'timeoutBased' takes for a deadlock. */
  limit?: number;
}

export interface PreventionOptions {
  /** Records that locks were taken in both orders. */
  watchOrder?: boolean;
  /** For 'woundWait'. */
  grace?: number;
  /** For 'timeout'. */
  timeout?: number;
}

/** So many instances of something that is not ours. Nothing here waits: what happens elsewhere is
 *  recorded. */
export class Resource extends SyncObject {
  private constructor();
  declare(most: number): void;
  /** Returns whether so many are free. */
  request(count?: number): boolean;
  allocate(count?: number): void;
  release(count?: number): void;
  cancel(): void;
  readonly available: number;
  holders(): Holder[];
}

export class DeadlockError extends SyncError {
  /** The circle in words; empty for a workstream that waits for itself. */
  readonly cycle: string;
}
export class PreemptedError extends SyncError {}
export class RankError extends SyncError {}
export class UnsafeError extends SyncError {}
