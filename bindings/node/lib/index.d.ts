// What the package offers, for TypeScript. Timeouts are in milliseconds: left out or Infinity is
// without end, 0 tries once. An aborted wait rejects with the signal's reason.

/// <reference types="node" />
import { EventEmitter } from 'node:events';
import type { Channel, ChannelOptions, Memory, MemoryOptions } from './channel.js';
import type {
  DeadlockAlgorithm, DeadlockOptions, DeadlockRecord, DeadlockVictim, PreventionOptions,
  PreventionStrategy, Resource,
} from './deadlock.js';
import { EventsOptions, MessageOptions, Notice, NoticeKind, Recipient, Sent } from './notices.js';
import { Condition, Election, Party, RWLock, RWLockOptions, SyncPoint, SyncPointOptions }
  from './primitives.js';
import { Snapshot } from './snapshot.js';
import type { Store, StoreOptions } from './store.js';
import './symbols.js';

export * from './channel.js';
export * from './conflicts.js';
export * from './deadlock.js';
export * from './errors.js';
export * from './notices.js';
export * from './primitives.js';
export * from './snapshot.js';
export * from './store.js';
export * from './transaction.js';
export type { Closeable, Hold, Opener, SyncObject };

export interface WaitOptions {
  timeout?: number;
  signal?: AbortSignal;
}

export interface OpenOptions {
  /** The space must exist. */
  openOnly?: boolean;
  /** The space must not exist. */
  createOnly?: boolean;
  /** The space stays when its last process leaves. */
  persistent?: boolean;
  /** Whether a new space counts waits, see Manager.snapshot: true unless this is false. */
  counters?: boolean;
  /** Permissions of a new segment: 0o600, or 0o660 with `group`. */
  mode?: number;
  /** Group id of a new segment. */
  group?: number;
  /** User id that is also allowed to own the segment. */
  owner?: number;
}

export interface MutexOptions {
  /** The owner may lock again. Only an explicit workstream is one owner for several calls. */
  recursive?: boolean;
  /** Strictly first come, first served. */
  fair?: boolean;
}

export interface SemaphoreOptions {
  /** Anybody may release; permits that were acquired are consumed. */
  signalling?: boolean;
  /** Strictly first come, first served. */
  fair?: boolean;
}

export interface BarrierOptions {
  /** Run by the last to arrive before the others go on. If it fails they get BrokenBarrierError. */
  action?: () => unknown;
  /** Parties join and leave between phases; those it is opened with are there besides. */
  phaser?: boolean;
}

export interface LeaseOptions {
  /** Renews the lease in the background as long as this process runs. */
  renew?: boolean;
}

export interface EventOptions {
  /** Lets everybody go on until it is reset. */
  manual?: boolean;
  /** A new event is set from the start. */
  set?: boolean;
}

/** Who holds something. */
export interface Holder {
  workstream: bigint;
  name: string;
  pid: number;
  /** Permits held, or the recursion depth of a mutex. */
  amount: number;
  /** Fencing token of the grant, 0n for a semaphore. */
  token: bigint;
}

export interface BarrierOutcome {
  /** The order of arrival: 0 for the first. */
  index: number;
  /** How often the barrier had tripped before. */
  generation: number;
  /** Whether this was the last to arrive. */
  leader: boolean;
}

export interface BarrierState {
  generation: number;
  parties: number;
  arrived: number;
  waiting: number;
  broken: boolean;
}

export type ObjectType = 'mutex' | 'semaphore' | 'latch' | 'barrier' | 'event' | 'rwlock' |
  'condition' | 'election' | 'resource' | 'syncPoint' | 'channel' | 'store';

interface Closeable {
  readonly closed: boolean;
  /** Closing again does nothing. */
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Hold {
  readonly released: boolean;
  /** Calling again does nothing. */
  release(): void;
  /** Ends the hold after so many milliseconds unless it is renewed; Infinity takes that off. */
  lease(milliseconds: number, options?: LeaseOptions): void;
  /** Begins the lease anew. */
  renewLease(): void;
  /** In milliseconds; Infinity without a lease. */
  readonly leaseRemaining: number;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Need not be closed: one that was opened through a manager closes when nobody has it any more,
 *  nor anything that was acquired through it; others close with their workstream. */
declare abstract class SyncObject implements Closeable {
  readonly name: string;
  readonly closed: boolean;
  readonly workstream: Workstream;
  readonly manager: Manager;
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One hold of a mutex. After a wait at a condition it stands for the new hold. */
export interface Guard extends Hold {
  /** Whether the owner before died: the protected data may be half changed. */
  readonly recovered: boolean;
  readonly previousOwner: Holder | null;
  /** The fencing token. */
  readonly token: bigint;
  /** Whether the hold is still there: it may have been taken away by force. */
  isValid(): boolean;
}
export class Guard {
  private constructor();
  /** Not there: tells it from the guards of other locks. */
  private readonly ofMutex: never;
}

export class Mutex extends SyncObject {
  private constructor();
  acquire(options?: WaitOptions): Promise<Guard>;
  tryAcquire(): Guard | null;
  run<T>(task: (guard: Guard) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;
  readonly holder: Holder | null;
  readonly previousOwner: Holder | null;
  /** Returns false when nobody held the mutex. */
  forceRelease(): boolean;
}

/** Permits that were acquired together. */
export interface Permits extends Hold {
  readonly count: number;
}
export const Permits: abstract new () => Permits;

export class Semaphore extends SyncObject {
  private constructor();
  acquire(options?: WaitOptions): Promise<Permits>;
  acquire(count?: number, options?: WaitOptions): Promise<Permits>;
  tryAcquire(count?: number): Permits | null;
  run<T>(task: (permits: Permits) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;
  /** For signalling semaphores, and for what this explicit workstream holds. */
  release(count?: number): void;
  readonly available: number;
  readonly held: number;
  holders(): Holder[];
}

export class Latch extends SyncObject {
  private constructor();
  /** Returns how many remain. */
  countDown(count?: number): number;
  wait(options?: WaitOptions): Promise<void>;
  readonly count: number;
}

export class Barrier extends SyncObject {
  private constructor();
  wait(options?: WaitOptions): Promise<BarrierOutcome>;
  arrive(): Promise<Omit<BarrierOutcome, 'index'>>;
  abort(): void;
  reset(): void;
  /** Joins a phaser. */
  join(): Party;
  state(): BarrierState;
}

export class SyncEvent extends SyncObject {
  private constructor();
  set(): void;
  reset(): void;
  wait(options?: WaitOptions): Promise<void>;
  tryWait(): boolean;
  isSet(): boolean;
}

/** Notices as they come, for `for await`. The loop ends when the events or the manager close. */
export class Events implements Closeable, AsyncIterable<Notice> {
  private constructor();
  readonly closed: boolean;
  tryNext(): Notice | null;
  wait(options?: WaitOptions): Promise<Notice>;
  [Symbol.asyncIterator](): AsyncIterator<Notice>;
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The messages that were sent to a workstream: the most urgent first, equal ones in order. */
export class Inbox implements AsyncIterable<Notice> {
  private constructor();
  tryNext(): Notice | null;
  wait(options?: WaitOptions): Promise<Notice>;
  /** Acknowledges a message. */
  read(message: Notice | bigint): void;
  [Symbol.asyncIterator](): AsyncIterator<Notice>;
}

interface Opener {
  mutex(name: string, options?: MutexOptions): Mutex;
  /** Without `permits` the semaphore must exist. */
  semaphore(name: string, permits?: number, options?: SemaphoreOptions): Semaphore;
  /** Without `count` the latch must exist. */
  latch(name: string, count?: number): Latch;
  /** Without `parties` the barrier must exist. */
  barrier(name: string, parties?: number, options?: BarrierOptions): Barrier;
  event(name: string, options?: EventOptions): SyncEvent;
  rwlock(name: string, options?: RWLockOptions): RWLock;
  condition(name: string): Condition;
  election(name: string): Election;
  /** Without `expected` the sync point must exist. */
  syncPoint(name: string, expected?: Iterable<string>, options?: SyncPointOptions): SyncPoint;
  channel(name: string, options: MemoryOptions): Memory;
  channel(name: string, options?: ChannelOptions): Channel;
  store(options?: StoreOptions): Store;
}

/** An owner: everything acquired through it belongs to it. */
export class Workstream implements Opener, Closeable {
  private constructor();
  readonly name: string;
  readonly id: bigint;
  readonly manager: Manager;
  readonly closed: boolean;
  mutex(name: string, options?: MutexOptions): Mutex;
  semaphore(name: string, permits?: number, options?: SemaphoreOptions): Semaphore;
  latch(name: string, count?: number): Latch;
  barrier(name: string, parties?: number, options?: BarrierOptions): Barrier;
  event(name: string, options?: EventOptions): SyncEvent;
  rwlock(name: string, options?: RWLockOptions): RWLock;
  condition(name: string): Condition;
  election(name: string): Election;
  syncPoint(name: string, expected?: Iterable<string>, options?: SyncPointOptions): SyncPoint;
  channel(name: string, options: MemoryOptions): Memory;
  channel(name: string, options?: ChannelOptions): Channel;
  store(options?: StoreOptions): Store;
  /** Without `instances` the resource must exist. */
  resource(name: string, instances?: number): Resource;
  setPriority(priority: number): void;
  /** Sends a message to workstreams; null tells everybody who listens. */
  send(recipients: string | Iterable<string> | null, text?: string, options?: MessageOptions): Sent;
  readonly inbox: Inbox;
  /** Tells everybody that it has completed its work. It stays open. */
  complete(detail?: unknown): void;
  /** Tells everybody that it has failed, and why. It stays open. */
  fail(reason?: string): void;
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An attachment to a space. Objects opened through it are shared by all tasks of the program:
 *  each acquisition is an owner of its own. */
export class Manager extends EventEmitter implements Opener, Closeable {
  private constructor();
  readonly url: string;
  readonly closed: boolean;
  workstream(name?: string): Workstream;
  mutex(name: string, options?: MutexOptions): Mutex;
  semaphore(name: string, permits?: number, options?: SemaphoreOptions): Semaphore;
  latch(name: string, count?: number): Latch;
  barrier(name: string, parties?: number, options?: BarrierOptions): Barrier;
  event(name: string, options?: EventOptions): SyncEvent;
  rwlock(name: string, options?: RWLockOptions): RWLock;
  condition(name: string): Condition;
  election(name: string): Election;
  syncPoint(name: string, expected?: Iterable<string>, options?: SyncPointOptions): SyncPoint;
  channel(name: string, options: MemoryOptions): Memory;
  channel(name: string, options?: ChannelOptions): Channel;
  store(options?: StoreOptions): Store;
  on(kind: NoticeKind, listener: (notice: Notice) => void): this;
  once(kind: NoticeKind, listener: (notice: Notice) => void): this;
  off(kind: NoticeKind, listener: (notice: Notice) => void): this;
  /** Only an explicit workstream is one owner of several locks. */
  deadlocks(): DeadlockRecord[];
  detectDeadlocks(algorithm?: DeadlockAlgorithm): number;
  resolveDeadlock(id: bigint, victim?: DeadlockVictim): void;
  clearDeadlocks(): number;
  configureDeadlocks(options?: DeadlockOptions): void;
  /** For objects that are opened from now on. */
  preventDeadlocks(strategy: PreventionStrategy, options?: PreventionOptions): void;
  setRank(type: ObjectType, name: string, rank: number): void;
  events(options?: EventsOptions): Events;
  messageStatus(id: bigint): Recipient[];
  /** Returns how many dead processes were found. */
  cleanup(): number;
  check(): void;
  /** Who holds what, who waits for what, and since when. */
  snapshot(): Snapshot;
  remove(type: ObjectType, name: string): void;
  /** Keeps the program running while the manager is open. */
  ref(): this;
  unref(): this;
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens the space that `url` names: "local:", "local:NAME" or "shm:NAME", each with
 *  "?store=FILE" for the file that its store is kept in; `url` of the manager has its absolute
 *  name. */
export function open(url: string, options?: OpenOptions): Manager;
/** Removes the name of a shm: space. */
export function unlink(url: string): void;
/** The version of the library. */
export function version(): string;
/** Where the library was found. */
export const libraryPath: string;
