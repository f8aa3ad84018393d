'use strict';
// One timeout for several waits in a row.

const { constants } = require('./api.js');

const NANOSECONDS_PER_MILLISECOND = 1e6;

class Deadline {
  #timeout;
  #end;

  /** `timeout` is in nanoseconds, as the library takes it. */
  constructor(timeout) {
    this.#timeout = timeout;
    this.#end = performance.now() + Number(timeout) / NANOSECONDS_PER_MILLISECOND;
  }

  /** Returns the nanoseconds that are left, 0 when the time has passed. */
  left() {
    if (this.#timeout === constants.FOREVER) return constants.FOREVER;
    const left = Math.ceil((this.#end - performance.now()) * NANOSECONDS_PER_MILLISECOND);
    // A number that large is so far away that what has passed of it does not count.
    return Number.isSafeInteger(left) ? Math.max(left, 0) : this.#timeout;
  }
}

module.exports = { Deadline };
