'use strict';
// Those who listen to the messages of a channel.

const EventEmitter = require('node:events');
const { constants } = require('./api.js');
const { ClosedError } = require('./errors.js');
const { MESSAGES_PER_TURN } = require('./iterating.js');

/** Runs `task` so that what it throws is an uncaught exception, and stops nobody else. */
function apart(task) {
  try {
    task();
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
}

/** Takes messages as long as somebody listens, and only then. */
class Listening {
  #channel;
  #receiver;
  #emitter = new EventEmitter();
  #stop; // of the loop that runs

  constructor(channel, receiver) {
    this.#channel = channel;
    this.#receiver = receiver;
    this.#emitter.on('removeListener', () => {
      if (!this.#isWanted()) this.#stop?.abort();
    });
  }

  on(event, listener) {
    this.#emitter.on(event, listener);
    this.#begin();
  }

  once(event, listener) {
    this.#emitter.once(event, listener);
    this.#begin();
  }

  off(event, listener) {
    this.#emitter.off(event, listener);
  }

  #isWanted() {
    return this.#emitter.listenerCount('message') > 0;
  }

  /** There is one loop at a time, or messages would not keep their order. */
  #begin() {
    if (this.#stop !== undefined || !this.#isWanted()) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#run(stop.signal).catch((error) => {
      this.#stop = undefined;
      // While the loop came to its end somebody may have begun to listen.
      if (stop.signal.aborted) this.#begin();
      else if (error instanceof ClosedError) apart(() => this.#emitter.emit('close'));
      else apart(() => this.#emitter.emit('error', error));
    });
  }

  /** Ends by an error only. */
  async #run(signal) {
    for (;;) {
      await this.#channel._when(() => this.#handOut(), () => constants.READABLE, constants.FOREVER,
        signal);
      signal.throwIfAborted();
      // The event loop gets its turn, also when there are always more.
      await new Promise(setImmediate);
      signal.throwIfAborted();
    }
  }

  /** Takes messages and hands them out at once: none is under way when somebody else takes one.
   *  Returns null when there was none. */
  #handOut() {
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      const isOver = !this.#isWanted() || this.#channel.closed;
      const message = isOver ? null : this.#receiver.next();
      if (message === null) return count === 0 ? null : count;
      apart(() => this.#emitter.emit('message', message));
    }
    return MESSAGES_PER_TURN;
  }
}

module.exports = { Listening };
