'use strict';
// Taking a free mutex by JavaScript's own compare-and-swap, without a call into the library.
//
// The protocol is the one of syncmgr_mutex_fastpath. All handles of a mutex share one lock word;
// what a handle writes into it is its own.

const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const scratch = require('./scratch.js');

const INFO = structures.syncmgr_fastpath_t;

class FastPath {
  #word;
  #grants;
  #free;
  #address;

  /** Maps the lock word of a mutex, or returns undefined for a mutex without one. */
  static of(handle) {
    const buffers = addon.fastpath(handle);
    return buffers === undefined ? undefined : new FastPath(handle, buffers);
  }

  constructor(handle, [word, grants]) {
    native.syncmgr_mutex_fastpath(handle, scratch.words);
    this.#word = new Int32Array(word);
    this.#grants = new Int32Array(grants);
    this.#free = scratch.words[INFO.free_value / 4] | 0;
    this.#address = scratch.longs[INFO.word / 8];
  }

  /** Returns what this handle writes into the word, or 0 when it must not. */
  mineOf(handle) {
    const status = native.syncmgr_mutex_fastpath(handle, scratch.words);
    if (status !== constants.OK || scratch.longs[INFO.word / 8] !== this.#address) return 0;
    return scratch.words[INFO.my_value / 4] | 0;
  }

  /** Locks the mutex if it is free. */
  lock(mine) {
    const free = this.#free;
    if (Atomics.compareExchange(this.#word, 0, free, mine) !== free) return false;
    const grants = this.#grants;
    const low = (grants[0] + 1) | 0;
    // The high half first: a reader must never see the counter go back.
    if (low === 0) Atomics.store(grants, 1, (grants[1] + 1) | 0);
    Atomics.store(grants, 0, low);
    return true;
  }

  /** Unlocks the mutex if nobody has marked the word meanwhile. */
  unlock(mine) {
    return Atomics.compareExchange(this.#word, 0, mine, this.#free) === mine;
  }

  /** Lets go of the memory, which the library may take away afterwards. */
  close() {
    addon.detach(this.#word.buffer);
    addon.detach(this.#grants.buffer);
  }
}

module.exports = { FastPath };
