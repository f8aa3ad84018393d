// What notices and messages look like, for TypeScript.

import { ObjectType } from './index.js';

export type NoticeKind =
  'opened' | 'closed' | 'died' | 'holdLost' | 'gap' | 'granted' | 'released' | 'timedOut' |
  'ownerDied' | 'barrierTripped' | 'barrierBroken' | 'syncComplete' | 'syncPartial' |
  'syncTimeout' | 'deadlock' | 'possibleDeadlock' | 'preempted' | 'leaseLost' | 'conflict' |
  'dataAvailable' | 'resourceAvailable' | 'completed' | 'failed' | 'custom';

export type Priority = 'low' | 'medium' | 'high' | 'critical';

/** Something happened in the space, or a message arrived. Texts are empty and numbers 0 where there
 *  is nothing to say. */
export interface Notice {
  kind: NoticeKind;
  /** Id of the workstream that it is about, or of the sender. */
  workstream: bigint;
  pid: number;
  /** Name of the workstream. */
  name: string;
  /** Name of the object. */
  object: string;
  type: ObjectType | '';
  priority: Priority;
  /** The token of a grant, a generation, nanoseconds that were waited; of a gap, how many notices
   *  were lost: see the C header. */
  value: bigint;
  text: string;
  /** What its JSON says; null for none. */
  detail: any;
  /** Id of the message; 0n for none. */
  message: bigint;
  sequence: bigint;
  /** When, of the monotonic clock. */
  timeNs: bigint;
  /** When, since 1970. */
  wallNs: bigint;
}

/** Which notices: all, but for what is said here. In a pattern `*` stands for any number of
 *  characters, `?` for one. */
export interface EventsOptions {
  kinds?: NoticeKind | 'all' | Iterable<NoticeKind>;
  objects?: string;
  workstreams?: string;
  minPriority?: Priority;
}

export type MessageKind =
  'custom' | 'conflict' | 'dataAvailable' | 'resourceAvailable' | 'syncComplete' | 'syncTimeout' |
  'deadlock' | 'completed' | 'failed';

export interface MessageOptions {
  /** Anything that JSON can say. */
  detail?: unknown;
  /** For everybody only the first four. */
  kind?: MessageKind;
  priority?: Priority;
  /** For how many milliseconds it is of interest. */
  ttl?: number;
  /** A recipient has read it when it says so, not when it takes it. */
  requireAck?: boolean;
}

export interface Sent {
  /** 0n for what went to everybody. */
  id: bigint;
  /** Names of recipients that do not exist. */
  missing: string[];
}

export interface Recipient {
  name: string;
  status: 'pending' | 'delivered' | 'read' | 'failed' | 'expired';
  /** 0n when there was none of this name. */
  workstream: bigint;
  pid: number;
}
