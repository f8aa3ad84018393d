'use strict';
// Started waits, and how they finish.
//
// Every manager has one completion queue of the library, opened by its first wait. Its descriptor
// is watched by the event loop, so any number of waits costs no thread and blocks nothing. The
// loop is kept alive while waits are pending, and only then.
//
// A wait is begun by an operation, which knows its object:
//   start(queue, timeout, id)     begins it and returns the library's status
//   succeed(status, value, index) returns what the promise resolves with, or throws; without
//                                 value and index when start() succeeded at once
//   undo(status)                  gives a grant back, or returns false when that cannot be done
//   end(status)                   nothing was granted; without a status the wait was aborted
//   subject()                     what was waited for, for an error's sentence

const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const deadlock = require('./deadlock.js');
const { check, closedError, lastError, waitError } = require('./errors.js');
const scratch = require('./scratch.js');

const { OK, PENDING } = constants;
const RECORD = structures.syncmgr_record_t;
const RECORD_WORDS = RECORD.bytes / 4;
const RECORD_LONGS = RECORD.bytes / 8;
const BATCH = 256;
/** After so many batches the event loop gets its turn; the descriptor stays readable. */
const BATCHES_PER_TURN = 8;

/** One pending wait. It is its own listener of the signal that may abort it. */
class Wait {
  constructor(queue, id, ticket, operation, signal, resolve, reject) {
    this.queue = queue;
    this.id = id;
    this.ticket = ticket;
    this.operation = operation;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
    if (signal !== undefined) signal.addEventListener('abort', this, { once: true });
  }

  /** The signal was aborted. When the outcome was faster, finish() undoes it. */
  handleEvent() {
    if (native.syncmgr_ticket_cancel(this.ticket) === constants.FINISHED) return;
    this.queue.forget(this);
    this.operation.end();
    this.reject(this.signal.reason);
  }

  /** The outcome has arrived. */
  finish(status, value, index) {
    const { operation, signal } = this;
    if (signal !== undefined) signal.removeEventListener('abort', this);
    const aborted = signal !== undefined && signal.aborted;
    if (status < 0) {
      operation.end(status);
      this.reject(aborted ? signal.reason : this.queue.error(status, value, operation.subject()));
    } else if (aborted && operation.undo(status)) {
      this.reject(signal.reason);
    } else {
      try {
        this.resolve(operation.succeed(status, value, index));
      } catch (error) {
        this.reject(error);
      }
    }
  }

  /** The queue was closed, and with it all that the operation used, or it has failed. */
  close(reason) {
    if (this.signal !== undefined) this.signal.removeEventListener('abort', this);
    this.reject(reason ?? closedError(this.operation.subject()));
  }
}

class CompletionQueue {
  #handle;
  #manager;
  #watch;
  #pending = new Map();
  #nextId = 1;
  #references = 0;
  #records = new Uint32Array(BATCH * RECORD_WORDS);
  #values = new BigUint64Array(this.#records.buffer);
  #count = new Uint32Array(1);

  constructor(manager) {
    check(native.syncmgr_queue_open(manager, 0, -1, scratch.words));
    this.#handle = scratch.handle();
    this.#manager = manager;
    check(native.syncmgr_queue_fd(this.#handle, scratch.words));
    this.#watch = addon.watch(scratch.words[0], () => this.#drain());
  }

  /** Starts an operation and returns the promise of its outcome. */
  wait(operation, timeout, signal) {
    const id = this.#nextId++;
    const status = operation.start(this.#handle, timeout, id);
    if (status === PENDING) {
      const ticket = scratch.handle();
      return new Promise((resolve, reject) => {
        const wait = new Wait(this, id, ticket, operation, signal, resolve, reject);
        this.#pending.set(id, wait);
        this.ref();
      });
    }
    if (status >= 0) return Promise.resolve(operation.succeed(status));
    const error = lastError(status);
    operation.end(status);
    return Promise.reject(error);
  }

  /** Makes the error of a wait that ended so: a deadlock's says the circle in words. */
  error(status, value, subject) {
    if (status !== constants.E_DEADLOCK) return waitError(status, subject);
    return waitError(status, `${subject}: deadlock: ${deadlock.words(this.#manager, value)}`);
  }

  /** Takes a wait out that was cancelled. */
  forget(wait) {
    if (this.#pending.delete(wait.id)) this.unref();
  }

  /** Keeps the event loop alive until as many calls of unref(). */
  ref() {
    this.#references += 1;
    if (this.#references === 1) this.#watch.ref();
  }

  unref() {
    this.#references -= 1;
    if (this.#references === 0) this.#watch.unref();
  }

  /** Ends all waits, by ClosedError or for the given reason. The library closes the queue itself
   *  with its manager. */
  close(reason) {
    this.#watch.close();
    const waits = [...this.#pending.values()];
    this.#pending.clear();
    this.#handle = 0;
    for (const wait of waits) wait.close(reason);
  }

  #drain() {
    for (let batch = 0; batch < BATCHES_PER_TURN && this.#handle !== 0; batch++) {
      const status = native.syncmgr_queue_drain(this.#handle, this.#records, BATCH, this.#count);
      if (status !== OK) {
        this.close(lastError(status));
        return;
      }
      const count = this.#count[0];
      for (let index = 0; index < count; index++) this.#finish(index);
      if (count < BATCH) return;
    }
  }

  /** Handles one record: the end of a wait. */
  #finish(record) {
    const words = this.#records;
    const base = record * RECORD_WORDS;
    const value = this.#values[record * RECORD_LONGS + RECORD.value / 8];
    const index = words[base + RECORD.index / 4];
    const data = base + RECORD.user_data / 4;
    const wait = this.#pending.get(words[data] + words[data + 1] * 2 ** 32);
    if (wait === undefined) return;
    this.forget(wait);
    wait.finish(words[base + RECORD.status / 4] | 0, value, index);
  }
}

module.exports = { CompletionQueue };
