'use strict';
// Messages as they were received.
//
// What the library has written about the messages of a batch stays as it is, beside their bytes,
// until somebody asks: most programs look at few of the fields.

const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { NotFoundError, check } = require('./errors.js');
const { contents, letter } = require('./letter.js');
const { PRIORITIES } = require('./notices.js');
const symbols = require('./symbols.js');

const MESSAGE = structures.syncmgr_message_t;
const LONGS = MESSAGE.bytes / 8;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const SHOWN = ['sender', 'topic', 'metadata', 'sequence', 'priority'];

/** What came by one call of the library: structures, and the bytes to which they point. */
class Batch {
  /** `longs` are the structures, with places in `bytes` instead of pointers. */
  constructor(bytes, longs, count) {
    this.bytes = bytes;
    this.longs = longs;
    this.words = new Uint32Array(longs.buffer, longs.byteOffset);
    this.count = count;
  }

  /** Reads a text, up to the zero behind it. */
  text(index, field) {
    const start = this.words[(index * MESSAGE.bytes + field) / 4];
    return this.bytes.toString('utf8', start, this.bytes.indexOf(0, start));
  }

  /** Returns where the texts of a message end, which are the last of it. */
  end(index) {
    return this.bytes.indexOf(0, this.words[(index * MESSAGE.bytes + MESSAGE.metadata) / 4]) + 1;
  }
}

class Message {
  #channel;
  #batch;
  #index;
  #data;

  constructor(channel, batch, index) {
    this.#channel = channel;
    this.#batch = batch;
    this.#index = index;
  }

  /** The bytes. */
  get data() {
    if (this.#data === undefined) {
      const start = this.#word(MESSAGE.data);
      this.#data = this.#batch.bytes.subarray(start, start + this.#word(MESSAGE.length));
    }
    return this.#data;
  }

  /** The bytes as text. */
  get text() {
    return this.data.toString('utf8');
  }

  /** Name of the workstream that sent it. */
  get sender() {
    return this.#batch.text(this.#index, MESSAGE.sender);
  }

  get senderId() {
    return this.#long(MESSAGE.sender_id);
  }

  get topic() {
    return this.#batch.text(this.#index, MESSAGE.topic);
  }

  /** What its JSON says; null for none. */
  get metadata() {
    const text = this.#batch.text(this.#index, MESSAGE.metadata);
    return text === '' ? null : JSON.parse(text);
  }

  get sequence() {
    return this.#long(MESSAGE.sequence);
  }

  get correlation() {
    return this.#long(MESSAGE.correlation);
  }

  get priority() {
    return PRIORITIES[this.#word(MESSAGE.priority)];
  }

  /** In milliseconds, as it was when it was received; Infinity for no end. */
  get ttl() {
    const left = BigInt.asIntN(64, this.#long(MESSAGE.ttl_ns));
    return left < 0n ? Infinity : Number(left) / NANOSECONDS_PER_MILLISECOND;
  }

  /** When it was sent, since 1970; up to 10 ms before. */
  get wallNs() {
    return BigInt.asIntN(64, this.#long(MESSAGE.wall_ns));
  }

  /** How often it was given out, this time included. */
  get deliveries() {
    return this.#word(MESSAGE.deliveries);
  }

  /** How many messages were lost before it: there was no room for them, or they were too old. */
  get dropped() {
    return Number(this.#long(MESSAGE.dropped));
  }

  get replyWanted() {
    return this.#has(constants.MESSAGE_REPLY_WANTED);
  }

  get retained() {
    return this.#has(constants.MESSAGE_RETAINED);
  }

  get history() {
    return this.#has(constants.MESSAGE_HISTORY);
  }

  get returned() {
    return this.#has(constants.MESSAGE_RETURNED);
  }

  /** Says that the message is done. */
  acknowledge() {
    check(native.syncmgr_message_acknowledge(this.#channel._handle(), this._receipt()));
  }

  /** Says that the message is not done: others get it, or, with { dead: true } or when it was tried
   *  often enough, the dead letters, with this reason. */
  reject(reason, given) {
    const flags = checked.flags(checked.options(given, ['dead']), { dead: constants.REJECT_DEAD });
    const text = reason === undefined ? null : checked.text(reason, 'reason');
    check(native.syncmgr_message_reject(this.#channel._handle(), this._receipt(), flags, text));
  }

  /** Responds to a message of call(). */
  reply(data, given) {
    const bytes = contents(data);
    check(native.syncmgr_channel_reply(this.#channel._handle(), this.#long(MESSAGE.reply_to), bytes,
      bytes === null ? 0 : bytes.length, letter(given)));
  }

  [symbols.inspect](depth, options, inspect) {
    const shown = Object.fromEntries(SHOWN.map((name) => [name, this[name]]));
    return `${this.constructor.name} ${inspect({ data: this.data, ...shown }, options)}`;
  }

  /** Returns the message as a view, of a copy of its data. */
  _view() {
    return new View(this.#channel, this.#batch, this.#index, Uint8Array.from(this.data).buffer);
  }

  /** What the library knows it by; 0n when there is nothing to give back. */
  _receipt() {
    return this.#long(MESSAGE.receipt);
  }

  #word(field) {
    return this.#batch.words[(this.#index * MESSAGE.bytes + field) / 4];
  }

  #long(field) {
    return this.#batch.longs[this.#index * LONGS + field / 8];
  }

  #has(flag) {
    return (this.#word(MESSAGE.flags) & flag) !== 0;
  }
}

/** A message whose data lies in the segment until release(). */
class View extends Message {
  #channel;
  #data;

  constructor(channel, batch, index, buffer) {
    super(channel, batch, index);
    this.#channel = channel;
    this.#data = Buffer.from(buffer);
    channel._lend(this, buffer);
  }

  /** Empty after the release. Others may have the same bytes, so nothing may be written here. */
  get data() {
    return this.#data;
  }

  get released() {
    return this.#channel === undefined;
  }

  /** Gives the message back; with acknowledgements it is done. Calling again does nothing. */
  release() {
    if (this.released) return;
    this._abandon();
    if (this._receipt() !== 0n) super.acknowledge();
  }

  acknowledge() {
    this.release();
  }

  reject(reason, given) {
    try {
      super.reject(reason, given);
    } catch (error) {
      // Its time has passed, and somebody else has it.
      if (error instanceof NotFoundError) this._abandon();
      throw error;
    }
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

module.exports = { Batch, Message, View };
