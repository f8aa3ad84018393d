// Transactions, for TypeScript. index.d.ts exports all this.

import type { WaitOptions } from './index.js';
import type { LockMode } from './primitives.js';
import type { CellType } from './channel.js';
import type { Entry, Range, RangeOptions, Registration, WriteOptions } from './store.js';

/** serializable: what was read is the same at the commit. repeatable_read: keys are, ranges may
 *  have got others. read_committed: reads are neither locked nor checked. */
export type Isolation = 'serializable' | 'repeatable_read' | 'read_committed';

export type TransactionStatus = 'pending' | 'active' | 'committing' | 'committed' |
  'rolling_back' | 'rolled_back' | 'failed' | 'timed_out';

export interface TransactionOptions {
  isolation?: Isolation;
  /** Writes are refused. */
  readOnly?: boolean;
  /** All that was read is checked; operations need their handlers here. */
  strict?: boolean;
  /** Locks nothing; all is checked at the commit. */
  optimistic?: boolean;
  priority?: number;
  /** Of the whole, in milliseconds. */
  timeout?: number;
  /** Of each lock, and of operations without their own, in milliseconds. */
  operationTimeout?: number;
  /** Names of all workstreams that take part. */
  workstreams?: string | Iterable<string>;
  /** Anything that JSON can say. */
  metadata?: unknown;
}

export interface TransactOptions extends TransactionOptions {
  /** How often it begins anew: 10. */
  retries?: number;
  /** Before the first new beginning, in milliseconds; doubles, up to 100 times: 1. */
  retryDelay?: number;
  queued?: boolean;
  signal?: AbortSignal;
}

export type OperationType = 'read' | 'write' | 'create' | 'delete' | 'lock' | 'unlock' | 'custom';

export type OperationState = 'waiting' | 'executing' | 'executed' | 'failed' | 'late' | 'undoing' |
  'undone' | 'undo_failed' | 'left_out';

export interface OperationOptions {
  /** 'custom' when left out. */
  type?: OperationType;
  /** A key of the store, or any other name. */
  target?: string;
  /** Of 'write' and 'create'. */
  value?: unknown;
  valueType?: CellType;
  /** Anything that JSON can say; { mode: 'shared' } of a 'lock'. */
  parameters?: unknown;
  /** Of the handler that does it, see Store.handler. */
  name?: string;
  /** The caller's own name for it. */
  id?: string;
  /** In milliseconds: one that comes back later is undone then. */
  timeout?: number;
  /** What it returns is the result, of which others have what JSON or bytes can say. */
  execute?: (operation: Operation) => unknown;
  undo?: (operation: Operation) => unknown;
}

export interface Operation {
  readonly transaction: Transaction;
  readonly index: number;
  readonly type: OperationType;
  readonly target?: string;
  readonly value?: any;
  readonly parameters?: any;
  readonly name?: string;
  readonly id?: string;
  /** Aborted when its time has passed, or all is rolled back, before it has come back. */
  readonly signal: AbortSignal;
  readonly state: OperationState;
  /** Of a 'read' the value of its target. */
  readonly result: any;
}

export interface TransactionInfo {
  id: number;
  status: TransactionStatus;
  isolation: Isolation;
  flags: { readOnly: boolean; strict: boolean; optimistic: boolean };
  /** How many were added, and how many of them are executed and not undone. */
  operations: number;
  executed: number;
  reads: number;
  writes: number;
  locks: number;
  /** Whether it has joined another workstream's. */
  isPart: boolean;
  /** Why it was rolled back: a status. */
  outcome: number;
  /** Of its commit. */
  revision: bigint;
  /** Milliseconds since 1970. */
  began: number;
  /** Of its time, in milliseconds. */
  remaining: number;
}

/** What is kept of a transaction, in the words of the library. */
export interface TransactionRecord {
  id: number;
  status: TransactionStatus;
  workstream: string;
  pid: number;
  workstreams: string[];
  isolation: Isolation;
  operations: { type: OperationType; state: OperationState; [member: string]: any }[];
  metadata?: any;
  /** Nanoseconds since 1970. */
  began_ns: bigint;
  [member: string]: any;
}

export interface TransactionFilter {
  status?: TransactionStatus | readonly TransactionStatus[];
  workstream?: string;
}

export interface HandlerOptions {
  execute?: (operation: Operation) => unknown;
  undo?: (operation: Operation) => unknown;
}

export interface Handler extends Registration {
  readonly name: string;
}

export interface Recovery {
  recovered: { id: number; status: TransactionStatus }[];
  /** What has no handler here, or whose undo failed. */
  left: { id: number; operation: number; name?: string; reason: string; error?: unknown }[];
}

export interface LockTargetOptions extends WaitOptions {
  mode?: LockMode;
}

/** Several changes of the store, and what else is to be done with them, as one. After an error that
 *  ends it, it is rolled back. */
export class Transaction {
  private constructor();
  readonly id: number;
  readonly status: TransactionStatus;
  readonly closed: boolean;
  /** Resolves when nothing of it is under way any more, also what was too late. */
  readonly settled: Promise<void>;
  info(): TransactionInfo;
  /** What it has written itself has version 0n. */
  get(key: string, options?: WaitOptions): Promise<Entry | null>;
  snapshot(keys: Iterable<string>, options?: WaitOptions): Promise<Map<string, Entry>>;
  range(options?: RangeOptions): Promise<Range<Entry>>;
  put(key: string, value: unknown,
    options?: WaitOptions & { expected?: bigint | number; type?: CellType }): Promise<void>;
  delete(key: string, options?: WaitOptions & { expected?: bigint | number }): Promise<void>;
  /** Writes what `change(value)` makes of it, unless that is undefined. */
  update<T = any>(key: string, change: (value: any) => T | Promise<T>,
    options?: WaitOptions & { type?: CellType }): Promise<T>;
  /** A key, or any other target, until the end. With a timeout of 0 it goes on without it. */
  lock(target: string, options?: LockTargetOptions): Promise<void>;
  unlock(target: string): void;
  savepoint(name: string): void;
  rollbackTo(name: string): Promise<void>;
  /** The commit executes it, before the changes are seen. */
  add(operation: OperationOptions): Operation;
  /** Executes what was not executed yet. */
  execute(options?: { signal?: AbortSignal }): Promise<void>;
  /** Resolves with the revision, when it is on disk where there is a file. Of several workstreams:
   *  votes, and waits for the others. */
  commit(options?: WriteOptions): Promise<bigint>;
  /** Votes; commit() then waits for what is decided. */
  prepare(options?: WriteOptions): Promise<void>;
  rollback(): Promise<void>;
  /** Rolls back what has not ended. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
