'use strict';
// Those who listen to the messages of a channel.

const EventEmitter = require('node:events');
const { constants } = require('./api.js');
const { Messages } = require('./iterating.js');

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
      if (this.#isWanted()) return;
      this.#stop?.abort();
      this.#stop = undefined;
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

  #begin() {
    if (this.#stop !== undefined || !this.#isWanted()) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#run(stop.signal).then(() => apart(() => {
      if (!stop.signal.aborted) this.#emitter.emit('close');
    }), (error) => apart(() => {
      if (!stop.signal.aborted) this.#emitter.emit('error', error);
    })).then(() => {
      if (this.#stop === stop) this.#stop = undefined;
    });
  }

  async #run(signal) {
    const messages = new Messages(this.#channel, this.#receiver, constants.FOREVER, signal);
    for await (const message of messages) {
      if (signal.aborted) {
        this.#receiver.putBack(message);
        return;
      }
      apart(() => this.#emitter.emit('message', message));
    }
  }
}

module.exports = { Listening };
