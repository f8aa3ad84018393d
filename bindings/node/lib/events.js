'use strict';
// Events: notices as they come, for `for await`.

const checked = require('./arguments.js');
const { TimeoutError, closedError } = require('./errors.js');
const { NoticeQueue, maskOf } = require('./notices.js');
const symbols = require('./symbols.js');

const KEYS = ['kinds', 'objects', 'workstreams', 'minPriority'];
const LONGEST_TIMER = 2 ** 31 - 1;

/** One wait for a notice. It is its own listener of the signal that may abort it. */
class Wait {
  constructor(events, signal, resolve, reject) {
    this.events = events;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
    this.timer = undefined;
    if (signal !== undefined) signal.addEventListener('abort', this, { once: true });
  }

  handleEvent() {
    this.events._withdraw(this, this.signal.reason);
  }

  end() {
    if (this.signal !== undefined) this.signal.removeEventListener('abort', this);
    clearTimeout(this.timer);
  }
}

/** The notices that were asked for, from now on. Of those that wait the ones of higher priority
 *  come first, equal ones in order. The program stays alive while somebody waits for one. */
class Events {
  #manager;
  #queue;
  #arrived = [];
  #waits = [];
  #closed = false;

  constructor(manager, given) {
    const choice = checked.options(given, KEYS);
    this.#queue = new NoticeQueue(
      manager._handle(), maskOf(choice.kinds), choice, () => this.#ready());
    this.#manager = manager;
  }

  get closed() {
    return this.#closed;
  }

  /** Returns the next notice that is there, or null. */
  tryNext() {
    if (this.#closed) throw closedError('Events');
    if (this.#arrived.length === 0) this.#arrived = this.#queue.take();
    return this.#arrived.shift() ?? null;
  }

  /** Resolves with the next notice. */
  wait(given) {
    const { timeout, signal } = checked.waiting(given);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      const notice = this.tryNext();
      if (notice !== null) {
        resolve(notice);
        return;
      }
      const wait = new Wait(this, signal, resolve, reject);
      this.#waits.push(wait);
      if (this.#waits.length === 1) this.#queue.ref();
      const milliseconds = given?.timeout ?? Infinity;
      if (timeout >= 0 && milliseconds <= LONGEST_TIMER) {
        wait.timer = setTimeout(() => {
          this._withdraw(wait, new TimeoutError('the time passed: no notice came'));
        }, milliseconds);
      }
    });
  }

  /** Ends the events; loops over them end, waits reject with ClosedError. Again does nothing. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#manager._removeEvents(this);
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      wait.end();
      wait.reject(closedError('Events'));
    }
  }

  [Symbol.asyncIterator]() {
    return {
      next: async () => {
        if (this.#closed) return { value: undefined, done: true };
        try {
          return { value: await this.wait(), done: false };
        } catch (error) {
          if (this.#closed) return { value: undefined, done: true };
          throw error;
        }
      },
      return: async (value) => {
        this.close();
        return { value, done: true };
      },
    };
  }

  [symbols.dispose]() {
    this.close();
  }

  async [symbols.asyncDispose]() {
    this.close();
  }

  _withdraw(wait, reason) {
    const place = this.#waits.indexOf(wait);
    if (place < 0) return;
    this.#waits.splice(place, 1);
    if (this.#waits.length === 0) this.#queue.unref();
    wait.end();
    wait.reject(reason);
  }

  /** Without a wait the notices stay where they are: there more of them fit. */
  #ready() {
    while (this.#waits.length > 0 && !this.#closed) {
      const notice = this.tryNext();
      if (notice === null) return;
      const wait = this.#waits.shift();
      if (this.#waits.length === 0) this.#queue.unref();
      wait.end();
      wait.resolve(notice);
    }
  }
}

module.exports = { Events };
