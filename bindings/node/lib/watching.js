'use strict';
// The changes of a store as they come, for `for await`.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const { readChange } = require('./entry.js');
const { ClosedError, lastError } = require('./errors.js');
const { emptyStructures, structures, withRoom } = require('./structures.js');

const ENTRY = layouts.syncmgr_entry_t;
const RANGE = layouts.syncmgr_range_t;
const { E_GAP, E_TOO_LARGE, FOREVER } = constants;

/** So many changes are read by one call, if one commit has no more. */
const BATCH = 64;
/** After so many the event loop gets its turn, also when there are always more. */
const CHANGES_PER_TURN = 512;

class Watch {
  #store;
  #wanted;
  #revision;
  #stop = new AbortController();
  #unlink = () => {};
  #ahead = []; // changes that were read and not handed out, the next one last
  #given = 0;
  #isOver = false;
  #calls = Promise.resolve();

  /** `wanted` has prefix and glob; changes behind `revision` come. */
  constructor(store, wanted, revision, signal) {
    this.#store = store;
    this.#wanted = wanted;
    this.#revision = revision;
    if (signal === undefined) return;
    const abort = () => this.#stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#unlink = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  }

  /** Up to which revision all changes were handed out: another watch can go on from there. */
  get revision() {
    const next = this.#ahead.at(-1);
    return next === undefined ? this.#revision : next.revision - 1n;
  }

  /** Calls take their turns. */
  next() {
    const call = this.#calls.then(() => this.#next());
    this.#calls = call.catch(() => {});
    return call;
  }

  /** Ends a call that waits, too. */
  async return(value) {
    this.#end();
    this.#stop.abort();
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async #next() {
    try {
      const value = await this.#change();
      if (value !== undefined) return { value, done: false };
    } catch (error) {
      const isEnd = this.#isOver || error instanceof ClosedError;
      this.#end();
      if (!isEnd) throw error;
    }
    return { value: undefined, done: true };
  }

  /** Resolves with the next change; undefined when there will be none. */
  async #change() {
    if (this.#given >= CHANGES_PER_TURN) {
      this.#given = 0;
      await new Promise(setImmediate);
    }
    while (!this.#isOver && !this.#store.closed) {
      this.#stop.signal.throwIfAborted();
      if (this.#ahead.length === 0) this.#read();
      if (this.#ahead.length > 0) {
        this.#given += 1;
        return this.#ahead.pop();
      }
      await this.#store._sight(null, this.#revision, FOREVER, this.#stop.signal);
    }
    return undefined;
  }

  #end() {
    this.#isOver = true;
    this.#unlink();
  }

  /** Reads what was changed since. */
  #read() {
    let entries;
    let range;
    let status;
    let room = BATCH;
    const count = new Uint32Array(1);
    const bytes = withRoom((memory) => {
      range = structures(RANGE, [{ ...this.#wanted, revision: this.#revision }]);
      entries = emptyStructures(ENTRY, room);
      count[0] = room;
      status = native.syncmgr_store_changes(this.#store._handle(), range.memory, entries.memory,
        count, memory, memory.length);
      if (status !== E_TOO_LARGE) return 0;
      room = Math.max(room, count[0]);
      return Math.max(range.size(0, RANGE.length), 1);
    });
    if (status === E_GAP) {
      this.#resynchronize();
      return;
    }
    if (status < 0) throw lastError(status);
    this.#revision = range.long(0, RANGE.revision);
    for (let index = count[0] - 1; index >= 0; index--) {
      this.#ahead.push(readChange(entries, index, bytes));
    }
  }

  /** Some changes are not in the log any more: instead of them comes what there is now. */
  #resynchronize() {
    const entries = this.#store.range(this.#wanted);
    this.#revision = entries.revision;
    this.#ahead.push({ kind: 'gap', revision: entries.revision, entries });
  }
}

module.exports = { Watch };
