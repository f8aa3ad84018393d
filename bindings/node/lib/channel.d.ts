// Channels and what they carry, for TypeScript. index.d.ts exports all this.

import type { SyncObject, WaitOptions } from './index.js';
import type { Priority } from './notices';

/** What can be sent: a string as UTF-8. Until a send has settled its bytes must stay the same. */
export type Data = string | ArrayBuffer | ArrayBufferView;

/**   kind        who gets a message                          default when a mailbox is full
 *    queue       exactly one of those who receive            block
 *    direct      the workstream that `target` names          block
 *    broadcast   everybody who subscribed, but the sender    dropOldest
 *    topics      whose patterns match the topic, each once   dropOldest */
export type ChannelKind = 'queue' | 'direct' | 'broadcast' | 'topics';

/** `block`: the sender waits. `fail`: nobody gets it, and send() rejects with FullError.
 *  `dropOldest`: the full mailbox loses its oldest. `dropNewest`: it does not get the new one. */
export type Overflow = 'default' | 'block' | 'fail' | 'dropOldest' | 'dropNewest';

/** Without any but `kind` an existing channel is opened as it is. */
export interface ChannelOptions {
  /** 'queue' when left out. */
  kind?: ChannelKind;
  /** Messages in a mailbox: 256. */
  capacity?: number;
  /** Bytes up to which a message lies in the mailbox itself: 256. */
  inlineSize?: number;
  overflow?: Overflow;
  /** Messages kept for those who subscribe late. */
  history?: number;
  /** Messages of higher priority are taken first. */
  priorities?: boolean;
  /** Keeps the last message of each topic that was sent with `retain`. */
  retain?: boolean;
  /** A queue's message is gone when its receiver has acknowledged it, and else goes back. */
  acknowledge?: boolean;
  /** So often a message is tried; 0 for no limit. */
  maxDeliveries?: number;
  /** How long a receiver has for a message, in milliseconds. */
  visibility?: number;
  /** Name of the queue for messages that were tried often enough or rejected as dead. */
  deadLetters?: string;
}

export interface ReplyOptions {
  topic?: string;
  /** 'medium' when left out. */
  priority?: Priority;
  /** It is not delivered after so many milliseconds. */
  ttl?: number;
  /** Anything that JSON can say; small. */
  metadata?: unknown;
  /** Passed on. */
  correlation?: number | bigint;
}

export interface LetterOptions extends ReplyOptions {
  /** Of a direct channel: the workstream. Else: only these of those who would get it. */
  target?: string | Iterable<string>;
  /** Keeps it as the last message of its topic; an empty one takes the kept one away. */
  retain?: boolean;
  /** The sender itself gets it too. */
  self?: boolean;
  /** Of a direct channel: it comes back when its receiver dies or closes before it took it. */
  return?: boolean;
}

export interface SendOptions extends LetterOptions, WaitOptions {}

export interface PublishOptions extends SendOptions {
  /** How much of the loan is sent: all when left out. */
  length?: number;
}

export interface Delivery {
  /** How many mailboxes have it. */
  count: number;
  /** Whether some mailboxes were full and did not get it. */
  partial: boolean;
}

/** A received message. Small ones of a batch lie in one ArrayBuffer: take slices of `data`, and
 *  leave `data.buffer` alone. */
export interface Message {
  readonly data: Buffer;
  /** The data as text. */
  readonly text: string;
  /** Name of the workstream that sent it. */
  readonly sender: string;
  readonly senderId: bigint;
  /** '' for none. */
  readonly topic: string;
  /** What its JSON says; null for none. */
  readonly metadata: any;
  /** Grows by one with each message that is sent through the channel. */
  readonly sequence: bigint;
  readonly correlation: bigint;
  readonly priority: Priority;
  /** In milliseconds, as it was when it was received; Infinity for no end. */
  readonly ttl: number;
  /** When it was sent, since 1970; up to 10 ms before. */
  readonly wallNs: bigint;
  /** How often it was given out, this time included. */
  readonly deliveries: number;
  /** How many messages of this mailbox were lost since the one before. */
  readonly dropped: number;
  /** Whether its sender waits for a reply. */
  readonly replyWanted: boolean;
  /** Whether it was the last of its topic when the receiver subscribed. */
  readonly retained: boolean;
  /** Whether it was sent before the receiver subscribed. */
  readonly history: boolean;
  /** Whether it was sent by the receiver itself, and could not be delivered. */
  readonly returned: boolean;
  /** The message is done. */
  acknowledge(): void;
  /** The message is not done: it goes back, or, with `dead` or when it was tried often enough, to
   *  the dead letters with the reason. */
  reject(reason?: string, options?: { dead?: boolean }): void;
  /** Responds to call(). */
  reply(data: Data, options?: ReplyOptions): void;
}
export const Message: abstract new () => Message;

/** A message whose data lies in the segment: others may see the same bytes, so they are for reading
 *  only. After the release, or when the channel is closed, `data` is empty. */
export interface View extends Message {
  readonly released: boolean;
  /** Gives the message back; with acknowledgements it is done. Calling again does nothing. */
  release(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
export const View: abstract new () => View;

/** Memory of the segment for a message. */
export interface Loan {
  /** Write here. Empty when the loan is over. */
  readonly data: Buffer;
  readonly size: number;
  readonly released: boolean;
  /** Sends it without copying. When that fails the loan stays. */
  publish(options?: PublishOptions): Promise<Delivery>;
  /** Gives it back unused. Calling again does nothing. */
  release(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
export const Loan: abstract new () => Loan;

export interface MemoryOptions {
  kind: 'memory';
  /** Cells that there is room for at first; it grows. */
  capacity?: number;
  /** Bytes up to which a value lies in its cell. */
  inlineSize?: number;
}

/** Left out, it is what suits the value: 'bytes', 'text' for a string, 'int64' for a BigInt,
 *  'float64' for a Number, 'json' for all else. */
export type CellType = 'bytes' | 'int64' | 'float64' | 'text' | 'json';

export interface Cell {
  value: any;
  type: CellType;
  /** Grows with each change, removals included. */
  version: bigint;
}

/** A channel that keeps cells and regions, which everybody sees. */
export class Memory extends SyncObject {
  private constructor();
  readonly kind: 'memory';
  /** Ends it for everybody: cells can still be read. */
  shut(): void;
  /** Returns the version. With `expected` only if the cell has that one, 0 for one that is not
   *  there; else it throws ChangedError. */
  set(key: string, value: unknown,
    options?: { expected?: bigint | number; type?: CellType }): bigint;
  /** Returns the new version, or null when the cell has not the one that was expected. */
  compareAndSet(key: string, expected: bigint | number, value: unknown,
    options?: { type?: CellType }): bigint | null;
  remove(key: string, options?: { expected?: bigint | number }): void;
  get(key: string): Cell | null;
  /** Those of the cells that are there, as they were at one moment. */
  snapshot(keys: Iterable<string>): Map<string, Cell>;
  /** Resolves with the version when it is not `seen`; without `seen` when the cell is there. */
  changed(key: string, seen?: bigint | number, options?: WaitOptions): Promise<bigint>;
  changed(key: string, options: WaitOptions): Promise<bigint>;
  /** Memory that every process sees at once, zero at first. Empty when this is closed. */
  region(key: string, size: number): Buffer;
}

/** How a mailbox is. */
export interface Mailbox {
  /** Id of the workstream whose it is; 0n for that of a queue. */
  workstream: bigint;
  name: string;
  pid: number;
  /** Messages in it: how far it lags. */
  waiting: number;
  /** Messages given out and not given back. */
  taken: number;
  received: number;
  /** Messages lost because it was full. */
  dropped: number;
  /** Messages whose time was over. */
  expired: number;
  /** Messages that became dead letters, or would have. */
  undelivered: number;
}

export class Channel extends SyncObject implements AsyncIterable<Message> {
  private constructor();
  readonly kind: ChannelKind;
  /** Ends the channel for everybody; with `drain` what is there can still be received. */
  shut(options?: { drain?: boolean }): void;
  /** Of topics, with one pattern more: `*` stands for any characters between two '/', `**` for any
   *  number of whole parts. First come the `last` messages of the history. */
  subscribe(topic?: string, options?: { last?: number }): this;
  subscribe(options: { last?: number }): this;
  /** Takes a pattern back, or without one the whole subscription and what waits in it. */
  unsubscribe(topic?: string): void;
  /** Sends when there is room. Sends through one object keep their order. */
  send(data: Data, options?: SendOptions): Promise<Delivery>;
  /** Null when the message would have to wait for room. */
  trySend(data: Data, options?: LetterOptions): Delivery | null;
  /** Resolves with how many were sent: all, or the first ones when the time passed or something
   *  failed after that. */
  sendMany(list: Iterable<Data>, options?: SendOptions): Promise<number>;
  recv(options?: WaitOptions): Promise<Message>;
  tryRecv(): Message | null;
  /** Up to `count` messages, at least one. */
  recvMany(count: number, options?: WaitOptions): Promise<Message[]>;
  view(options?: WaitOptions): Promise<View>;
  /** Messages as they come, until the channel is closed or shut. A quick loop has some taken ahead;
   *  what it has not got to when it ends comes next. The options are for each wait. */
  messages(options?: WaitOptions): AsyncIterableIterator<Message>;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
  loan(size: number): Loan;
  /** Sends a request and resolves with the response. Of queues and direct channels. */
  call(data: Data, options?: SendOptions): Promise<Message>;
  mailboxes(): Mailbox[];
  /** While somebody listens for 'message', messages are taken and the program stays alive. 'close'
   *  comes when there will be no more. */
  on(event: 'message', listener: (message: Message) => void): this;
  on(event: 'close', listener: () => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  once(event: 'message', listener: (message: Message) => void): this;
  once(event: 'close', listener: () => void): this;
  once(event: 'error', listener: (error: Error) => void): this;
  off(event: string, listener: (...values: any[]) => void): this;
  addListener(event: string, listener: (...values: any[]) => void): this;
  removeListener(event: string, listener: (...values: any[]) => void): this;
}
