'use strict';
// Messages of a channel as they come, for `for await`.

const { constants } = require('./api.js');
const { ClosedError } = require('./errors.js');

/** After so many messages the event loop gets its turn, also when there are always more. */
const MESSAGES_PER_TURN = 512;

class Messages {
  #channel;
  #receiver;
  #timeout;
  #signal;
  #isOver = false;
  #handed = 0;

  constructor(channel, receiver, timeout, signal) {
    this.#channel = channel;
    this.#receiver = receiver;
    this.#timeout = timeout;
    this.#signal = signal;
  }

  /** Most of the time a message is there, and no function has to wait for it. */
  next() {
    const isReady = !this.#isOver && !this.#channel.closed && this.#receiver.isAhead
      && !this.#signal?.aborted;
    if (!isReady) return this.#later();
    this.#handed += 1;
    return Promise.resolve({ value: this.#receiver.next(), done: false });
  }

  async return(value) {
    this.#isOver = true;
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async #later() {
    if (this.#handed >= MESSAGES_PER_TURN) {
      this.#handed = 0;
      await new Promise(setImmediate);
    }
    if (this.#isOver || this.#channel.closed) return { value: undefined, done: true };
    try {
      this.#signal?.throwIfAborted();
      const value = await this.#channel._when(() => this.#receiver.next(), () => constants.READABLE,
        this.#timeout, this.#signal);
      this.#handed += 1;
      return { value, done: false };
    } catch (error) {
      this.#isOver = true;
      if (error instanceof ClosedError) return { value: undefined, done: true };
      throw error;
    }
  }
}

module.exports = { MESSAGES_PER_TURN, Messages };
