// Conflicts and how values are resolved, for TypeScript. index.d.ts exports all this.

import type { WaitOptions } from './index.js';
import type { Registration, WriteOptions } from './store.js';
import type { Priority } from './notices.js';

export type ConflictType = 'data_conflict' | 'resource_conflict' | 'timing_conflict' |
  'dependency_conflict' | 'state_conflict' | 'priority_conflict';

export type ConflictStatus = 'detected' | 'analyzing' | 'resolving' | 'resolved' |
  'unresolvable' | 'ignored';

/** Those that choose or make a value out of several. */
export type ResolvingStrategy = 'first_wins' | 'last_wins' | 'version_wins' | 'priority_based' |
  'merge' | 'union' | 'max' | 'min';

export type Strategy = ResolvingStrategy | 'custom' | 'manual' | 'abort';

/** How many changes of each replica were known. */
export type VectorClock = Record<string, number | bigint | boolean>;

export interface Candidate {
  /** Left out: it was deleted. */
  value?: unknown;
  /** Of any clock that all candidates have. */
  time?: number | bigint;
  version?: number | bigint;
  workstream?: string;
  priority?: number | bigint;
  clock?: VectorClock;
}

export interface Candidates {
  candidates: Candidate[];
  /** What all began with, for 'merge'. */
  base?: unknown;
  /** The member by which objects are one element, for 'union'. */
  id?: string;
}

/** Numbers that a Number cannot have are BigInts. */
export interface Resolution {
  strategy: Strategy;
  value?: any;
  deleted?: true;
  /** Of conflicts that were aborted. */
  aborted?: true;
  winner?: Omit<Candidate, 'value' | 'clock'>;
  clock?: VectorClock;
  /** Every value that is not in the result: where, whose and why. */
  discarded: {
    path: string; value?: any; deleted?: true; why: 'lost' | 'superseded';
    workstream?: string; version?: number | bigint; time?: number | bigint;
    priority?: number | bigint;
  }[];
}

export interface DetectOptions {
  /** 'data_conflict' when left out. */
  type?: ConflictType;
  /** 'medium' when left out. */
  severity?: Priority;
  /** 'last_wins' when left out. */
  strategy?: Strategy;
  /** After so many milliseconds it is unresolvable: 30,000. */
  timeout?: number;
  syncPoint?: string;
  /** Between whom: the own workstream when left out. */
  workstreams?: string | Iterable<string>;
  reason?: string;
  data?: Candidates | object;
  /** Whether it is resolved at once: true when left out. */
  auto?: boolean;
  /** Whether the workstreams get messages. */
  notify?: boolean;
}

/** A conflict, in the words of the library. */
export interface Conflict {
  id: number;
  type: ConflictType;
  severity: Priority;
  status: ConflictStatus;
  strategy: Strategy;
  sync_point?: string;
  workstreams: string[];
  reason?: string;
  data?: any;
  /** Nanoseconds since 1970. */
  detected_at: bigint;
  detected_by: string;
  claimed_by?: any;
  /** Of the store's entry, when it was merged. */
  key?: string;
  resolved_at?: bigint;
  resolved_by?: string;
  result?: Resolution;
}

export interface ConflictFilter {
  type?: ConflictType | readonly ConflictType[];
  status?: ConflictStatus | readonly ConflictStatus[] | 'open';
  severity?: Priority | readonly Priority[];
  syncPoint?: string;
  workstream?: string;
}

/** What several have changed at once, and what is declared to be a conflict. */
export interface Conflicts {
  /** Resolves with the conflict as it is then: decided by the handlers of this store, else by its
   *  strategy, unless `auto` is false. */
  detect(options?: DetectOptions): Promise<Conflict>;
  get(id: number): Conflict;
  list(filter?: ConflictFilter): Conflict[];
  /** By 'custom' without a value the handlers of this store decide. */
  resolve(id: number, strategy: Strategy,
    options?: { value?: unknown; by?: string }): Promise<Conflict>;
  ignore(id: number, options?: { by?: string }): Promise<void>;
  /** Resolves when it has ended. */
  wait(id: number, options?: WaitOptions): Promise<Conflict>;
  /** Forgets those that are resolved or ignored, and returns how many. */
  clear(): number;
  /** What it returns is the result; null, undefined or an error: the next one is asked. */
  on(types: ConflictType | readonly ConflictType[] | '*',
    decide: (conflict: Conflict) => unknown): Registration;
}

export interface MergeOptions extends WriteOptions {
  /** The version that the value was made from; 0 for none. */
  expected: bigint | number;
  /** The value that it was made from. */
  base?: unknown;
  /** 'merge' when left out. */
  strategy?: Strategy;
  severity?: Priority;
  /** For 'union', see Candidates. */
  id?: string;
}

export interface Merged extends Partial<Resolution> {
  version: bigint;
  /** The id, when there was one. */
  conflict?: number;
  /** Whether it is left to somebody to decide. */
  open: boolean;
}

/** Decides between candidates: the same whatever their order. */
export function resolve(strategy: ResolvingStrategy,
  candidates: Candidate[] | Candidates): Resolution;
/** What the first one is to the second. */
export function compareClocks(left: VectorClock, right: VectorClock):
  'equal' | 'before' | 'after' | 'concurrent';
/** What knows both, and with `replica` one more change of that. */
export function mergeClocks(left?: VectorClock | null, right?: VectorClock | null,
  replica?: string): VectorClock;
