'use strict';
// Those who send through one channel, one after the other.
//
// A send that waits for room must not be overtaken by a later one. Only the first in line waits at
// the library; the others wait here, each as long as it wants.

const { TimeoutError } = require('./errors.js');

const NANOSECONDS_PER_MILLISECOND = 1e6;
const LONGEST_TIMER = 2 ** 31 - 1;

/** Resolves when `turn` does; rejects when the time has passed or the signal is aborted. */
function patiently(turn, deadline, signal, subject) {
  return new Promise((resolve, reject) => {
    let timer;
    const abort = () => end(reject, signal.reason);
    const end = (settle, value) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle(value);
    };
    const left = Number(deadline.left()) / NANOSECONDS_PER_MILLISECOND;
    if (left >= 0 && left <= LONGEST_TIMER) {
      timer = setTimeout(() => end(reject, new TimeoutError(`the time passed: ${subject}`)), left);
    }
    signal?.addEventListener('abort', abort, { once: true });
    turn.then(() => end(resolve));
  });
}

class Line {
  #last = Promise.resolve();
  #count = 0;

  get isEmpty() {
    return this.#count === 0;
  }

  /** Runs `task` when all who came before have left. */
  async enter(task, deadline, signal, subject) {
    let leave;
    const before = this.#last;
    const left = new Promise((resolve) => { leave = resolve; });
    // Who gives up leaves at once, but lets nobody past those who are still before.
    this.#last = before.then(() => left);
    this.#count += 1;
    try {
      if (this.#count > 1) await patiently(before, deadline, signal, subject);
      return await task();
    } finally {
      this.#count -= 1;
      leave();
    }
  }
}

module.exports = { Line };
