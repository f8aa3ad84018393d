'use strict';
// Loan: memory of the segment that a message is written into, to send it without copying.

const { addon, native } = require('./loader.js');
const { check, closedError, lastError } = require('./errors.js');
const { sending } = require('./letter.js');
const symbols = require('./symbols.js');

class Loan {
  #channel;
  #data;
  #size;

  constructor(channel, size) {
    const buffer = addon.loan(channel._handle(), size);
    if (typeof buffer === 'number') throw lastError(buffer);
    this.#channel = channel;
    this.#size = size;
    this.#data = Buffer.from(buffer);
    channel._lend(this, buffer);
  }

  /** Write here. Empty when the loan is over. */
  get data() {
    return this.#data;
  }

  get size() {
    return this.#size;
  }

  get released() {
    return this.#channel === undefined;
  }

  /** Sends the first `length` bytes, all when left out, as send() does. When it fails the loan
   *  stays. */
  async publish(given) {
    const wanted = sending(given, ['length']);
    const length = given?.length ?? this.#size;
    const channel = this.#channel;
    if (channel === undefined) throw closedError('the loan');
    return channel._send(wanted, (handle, count) => {
      if (this.released) throw closedError('the loan');
      const status = native.syncmgr_channel_publish(handle, this.#data, length, wanted.options,
        count);
      if (status >= 0) this._abandon();
      return status;
    });
  }

  /** Gives the loan back unused. Calling again does nothing. */
  release() {
    if (this.released) return;
    const handle = this.#channel._handle();
    check(native.syncmgr_channel_loan_return(handle, this.#data));
    this._abandon();
  }

  [symbols.dispose]() {
    this.release();
  }

  async [symbols.asyncDispose]() {
    this.release();
  }

  /** The memory is somebody else's from now on. */
  _abandon() {
    if (this.released) return;
    this.#channel._takeBack(this);
    this.#channel = undefined;
    addon.detach(this.#data.buffer);
  }
}

module.exports = { Loan };
