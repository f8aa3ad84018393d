// The store and its entries, for TypeScript. index.d.ts exports all this.

import type { SyncObject, WaitOptions } from './index.js';
import type { Cell, CellType } from './channel.js';
import type { Conflicts, MergeOptions, Merged } from './conflicts.js';
import type { Handler, HandlerOptions, Recovery, TransactOptions, Transaction, TransactionFilter,
  TransactionOptions, TransactionRecord } from './transaction.js';

/** Left out, an existing store is opened as it is. */
export interface StoreOptions {
  /** Keys that there is room for at first; it grows: 1024. */
  capacity?: number;
  /** Bytes up to which an entry lies in its place: 128. */
  inlineSize?: number;
  /** Bytes of the log, of which who watches reads: 4 MiB. */
  logSize?: number;
}

/** How a write is waited for: where the space has a file, until it is on disk. An aborted wait, or
 *  one whose time passes, leaves what was written. */
export interface WriteOptions extends WaitOptions {
  /** Does not wait for the disk. */
  queued?: boolean;
}

/** What a key has. */
export interface Entry extends Cell {
  key: string;
  /** Of the commit that wrote it. */
  revision: bigint;
  /** Name of the workstream that wrote it, and its id. */
  writer: string;
  writerId: bigint;
  /** When: nanoseconds since 1970. */
  wallNs: bigint;
}

export interface RangeOptions {
  /** What a key begins with. */
  prefix?: string;
  /** What a key is like: '*' is any text without '/', '**' any text, '?' one character. */
  glob?: string;
  /** Only keys behind this one. */
  after?: string;
  limit?: number;
}

/** What a range has, of one moment. */
export interface Range<T> extends Array<T> {
  /** Of the store at that moment. */
  readonly revision: bigint;
  /** Whether `limit` has left some out. */
  readonly more: boolean;
}

export type Change =
  | { key: string; value: unknown; type?: CellType; expected?: bigint | number }
  | { key: string; delete: true; expected?: bigint | number }
  /** Only checks that it has this version. */
  | { key: string; check: bigint | number };

export interface Committed {
  revision: bigint;
  /** Of each key the new version, 0n for one that was deleted, of a check the one that it has. */
  versions: Map<string, bigint>;
}

interface Changed {
  key: string;
  version: bigint;
  revision: bigint;
  writer: string;
  writerId: bigint;
  wallNs: bigint;
}

/** A change as a watch tells it. 'superseded': a large value that was changed again before it was
 *  read; the newer change follows. 'gap': changes were missed, and these are the entries that there
 *  are instead. */
export type WatchEvent =
  | ({ kind: 'put' } & Entry)
  | ({ kind: 'delete' | 'superseded' } & Changed)
  | { kind: 'gap'; revision: bigint; entries: Range<Entry> };

export interface WatchOptions {
  prefix?: string;
  glob?: string;
  /** Changes behind this revision; left out, from now on. */
  since?: bigint | number;
  signal?: AbortSignal;
}

/** The changes of a store, each once and in order. A slow one delays nobody. */
export interface Watch extends AsyncIterableIterator<WatchEvent> {
  /** Up to which all changes were handed out: another watch can go on from there. */
  readonly revision: bigint;
}

export interface StoreInfo {
  /** Keys that are there. */
  entries: number;
  revision: bigint;
  /** Up to which all is on disk; without a file the revision. */
  durable: bigint;
  /** A watch can go on behind this one. */
  oldest: bigint;
  logUsed: number;
  logSize: number;
  /** Whether the store is kept in a file. */
  file: boolean;
}

/** What the values of some keys may be changed to. */
export interface Constraint {
  type?: CellType | 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';
  minimum?: number;
  maximum?: number;
  /** In bytes. */
  min_length?: number;
  max_length?: number;
  /** Keys that an object must have. */
  required?: string[];
  values?: unknown[];
  /** What is there can be neither changed nor deleted. */
  immutable?: boolean;
}

/** Something registered, until it is closed. */
export interface Registration {
  /** Closing again does nothing. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The versioned entries of a space. A key has 1 to 255 bytes; '/' divides it by convention. */
export class Store extends SyncObject {
  private constructor();
  get(key: string): Entry | null;
  /** Those of the entries that are there, as they were at one moment. */
  snapshot(keys: Iterable<string>): Map<string, Entry>;
  /** In the order of the bytes of the keys. */
  range(options?: RangeOptions): Range<Entry>;
  keys(options?: RangeOptions): Range<string>;
  /** Resolves with the new version. With `expected` only if the key has that one, 0 for one that is
   *  not there; else it rejects with ChangedError, which has the `version`. */
  put(key: string, value: unknown,
    options?: WriteOptions & { expected?: bigint | number; type?: CellType }): Promise<bigint>;
  /** Null when it is there. */
  putIfAbsent(key: string, value: unknown,
    options?: WriteOptions & { type?: CellType }): Promise<bigint | null>;
  /** Resolves with whether it was there. */
  delete(key: string, options?: WriteOptions & { expected?: bigint | number }): Promise<boolean>;
  /** Puts what `change(value)` makes of it, again when somebody was faster; undefined changes
   *  nothing. */
  update<T = any>(key: string, change: (value: any) => T | Promise<T>,
    options?: WriteOptions & { type?: CellType }): Promise<T>;
  /** All changes, or none: then it rejects with ChangedError, which has `key` and `version`. */
  commit(changes: Iterable<Change>, options?: WriteOptions): Promise<Committed>;
  /** Puts a JSON value, undefined to delete, and merges it with what somebody else has put since
   *  the version that is expected. */
  merge(key: string, value: unknown, options: MergeOptions): Promise<Merged>;
  watch(options?: WatchOptions): Watch;
  /** Resolves with the version when it is not `seen`; without `seen` when the key is there. With
   *  the key null with the revision of the store. */
  wait(key: string | null, seen?: bigint | number, options?: WaitOptions): Promise<bigint>;
  wait(key: string | null, options: WaitOptions): Promise<bigint>;
  /** Resolves when a revision, or all that was written until now, is on disk. */
  sync(revision?: bigint | number, options?: WaitOptions): Promise<void>;
  sync(options: WaitOptions): Promise<void>;
  info(): StoreInfo;
  /** Asked before every change of a key like `pattern` through this store: false, a sentence or an
   *  error refuses it. `value` is undefined when it is to be deleted. */
  validator(pattern: string, check: (change: { key: string; value: any }) =>
    boolean | string | void | Promise<boolean | string | void>): Registration;
  /** For every process and language; null takes it back. */
  constraint(pattern: string, rule: Constraint | null): Promise<void>;
  /** Of a workstream one without `optimistic` at a time; of a manager each has one of its own. */
  transaction(options?: TransactionOptions): Transaction;
  /** Runs a task in a transaction and commits it, again when somebody was faster. */
  transact<T>(task: (transaction: Transaction) => T | Promise<T>,
    options?: TransactOptions): Promise<T>;
  /** Joins a transaction of another workstream. */
  join(id: number): Transaction;
  transactions(filter?: TransactionFilter): TransactionRecord[];
  transactionRecord(id: number): TransactionRecord;
  /** Forgets those that ended more than so many milliseconds ago; returns how many. */
  clearTransactions(age?: number): number;
  /** What executes and undoes operations of that name, also of processes that died. */
  handler(name: string, handler: HandlerOptions): Handler;
  /** Ends what dead processes have left of transactions. */
  recover(): Promise<Recovery>;
  readonly conflicts: Conflicts;
}
