'use strict';
// How messages come from the library into JavaScript: several by one call, into memory that they
// share.

const { addon } = require('./loader.js');
const { constants, structures } = require('./api.js');
const { lastError } = require('./errors.js');
const { Batch, Message, View } = require('./message.js');

const STRUCTURE = structures.syncmgr_message_t;
const LONGS = STRUCTURE.bytes / 8;
const { E_TIMEOUT, E_TOO_LARGE } = constants;

/** So many messages come by one call at most: a power of two. */
const MOST = 64;
/** A loop has as many messages taken ahead as it was seen to handle in so many milliseconds. */
const AHEAD = 1;
/** Messages lie in memory of this size together; larger ones have memory of their own. */
const SHARED = 1 << 16;
const LARGE = SHARED / 4;
const VIEW_ROOM = 2048;

/** Where the library writes the structures, for all channels: nothing else runs in between. */
const structuresOf = Array.from({ length: Math.log2(MOST) + 1 },
  (_, power) => new BigUint64Array(LONGS << power));
const viewMemory = Buffer.from(new ArrayBuffer(VIEW_ROOM));

/** Returns which of the arrays has room for `count` messages, and no more. */
function powerOf(count) {
  return 31 - Math.clz32(Math.min(count, MOST));
}

class Receiver {
  #channel;
  #memory = Buffer.alloc(0);
  #used = 0;
  #ahead = []; // messages that were taken and not handed out, the next one last
  #limit = 1;
  #taken = 0;  // how many came by the last call of a loop
  #since = 0;  // and when that was

  constructor(channel) {
    this.#channel = channel;
  }

  /** Takes one message, or the response to a request; null when there is none. */
  one(request = 0n) {
    const handle = this.#channel._handle();
    if (request === 0n && this.#ahead.length > 0) return this.#ahead.pop();
    const batch = this.#receive(handle, 1, request);
    return batch === null ? null : new Message(this.#channel, batch, 0);
  }

  /** Takes up to `count` messages that are there: a list that may be empty. */
  many(count) {
    const handle = this.#channel._handle();
    const messages = this.#ahead.splice(Math.max(this.#ahead.length - count, 0)).reverse();
    while (messages.length < count) {
      const batch = this.#receive(handle, count - messages.length, 0n);
      if (batch === null) break;
      for (let index = 0; index < batch.count; index++) {
        messages.push(new Message(this.#channel, batch, index));
      }
    }
    return messages;
  }

  /** Takes one message for a loop, and some more ahead when the loop is quick; a slow one must not
   *  keep from others what it will not get to soon. Null when there is none. */
  next() {
    const handle = this.#channel._handle();
    if (this.#ahead.length > 0) return this.#ahead.pop();
    this.#setPace();
    const batch = this.#receive(handle, this.#limit, 0n);
    if (batch === null) return null;
    for (let index = batch.count - 1; index > 0; index--) {
      this.#ahead.push(new Message(this.#channel, batch, index));
    }
    this.#taken = batch.count;
    this.#since = performance.now();
    return new Message(this.#channel, batch, 0);
  }

  /** Whether the next message is there without a call of the library. */
  get isAhead() {
    return this.#ahead.length > 0;
  }

  /** Forgets what was taken ahead. */
  drop() {
    this.#ahead = [];
  }

  /** Takes one message without copying it, or returns null. */
  view() {
    const handle = this.#channel._handle();
    if (this.#ahead.length > 0) return this.#ahead.pop()._view();
    const buffer = addon.view(handle, viewMemory);
    if (buffer === E_TIMEOUT) return null;
    if (typeof buffer === 'number') throw lastError(buffer);
    const bytes = Buffer.from(viewMemory);
    const longs = new BigUint64Array(viewMemory.buffer.slice(0, STRUCTURE.bytes));
    return new View(this.#channel, new Batch(bytes, longs, 1), 0, buffer);
  }

  #setPace() {
    if (this.#taken === 0) return;
    const elapsed = performance.now() - this.#since;
    const pace = Math.floor(AHEAD * this.#taken / Math.max(elapsed, 0.001));
    this.#limit = Math.max(Math.min(pace, this.#limit * 2, MOST), 1);
    this.#taken = 0;
  }

  /** Takes up to `limit` messages as a batch; null when there are none. */
  #receive(handle, limit, request) {
    const structure = structuresOf[powerOf(limit)];
    for (let needed = 0; ;) {
      // What is large does not use up memory that is shared.
      const own = needed > LARGE;
      if (!own && this.#memory.length - this.#used < Math.max(needed, STRUCTURE.bytes)) {
        this.#memory = Buffer.from(new ArrayBuffer(SHARED));
        this.#used = 0;
      }
      const memory = own ? Buffer.from(new ArrayBuffer(needed)) : this.#memory;
      const start = own ? 0 : this.#used;
      const count = addon.receive(handle, request, memory, start, structure);
      if (count > 0) {
        const batch = new Batch(memory, structure.slice(0, count * LONGS), count);
        // The library wants the next message to begin at a multiple of eight.
        if (!own) this.#used = Math.min((batch.end(count - 1) + 7) & ~7, memory.length);
        return batch;
      }
      if (count === E_TIMEOUT) return null;
      if (count !== E_TOO_LARGE) throw lastError(count);
      // By the next call somebody else may have taken it, and left a larger one.
      needed = Math.max(Number(structure[STRUCTURE.length / 8]), needed + 1);
    }
  }
}

module.exports = { Receiver };
