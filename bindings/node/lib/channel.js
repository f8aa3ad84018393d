'use strict';
// Channel: messages between workstreams.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { Deadline } = require('./deadline.js');
const { check, lastError } = require('./errors.js');
const { contents, letter, sending } = require('./letter.js');
const { Line } = require('./line.js');
const { Listening } = require('./listening.js');
const { Loan } = require('./loan.js');
const { readMailboxes } = require('./mailbox.js');
const { Messages } = require('./iterating.js');
const { SyncObject } = require('./object.js');
const { opening } = require('./opening.js');
const { Receiver } = require('./receiver.js');
const scratch = require('./scratch.js');

const { E_TIMEOUT, PARTIAL, READABLE } = constants;

const readable = () => READABLE;

/** Whoever has the bytes of a view or a loan has the channel: it is not closed under them. */
const keepers = new WeakMap();

/** Waits until it is worth looking: for a message, for room, or for a response. */
class Look {
  constructor(channel, what, attempt) {
    this.channel = channel;
    this.what = what;
    this.attempt = attempt;
  }

  start(queue, timeout, id) {
    return native.syncmgr_channel_wait_start(this.channel._handle(), this.what, timeout, queue, id,
      scratch.words);
  }

  /** Acts at once: a turn that came and was not used would keep others waiting. */
  succeed() {
    return this.attempt();
  }

  /** Nothing was taken. The turn goes to the next who waits for the same. */
  undo() {
    if (!this.channel.closed) native.syncmgr_channel_wait(this.channel._handle(), this.what);
    return true;
  }

  end() {}

  subject() {
    return this.channel._subject();
  }
}

class Channel extends SyncObject {
  #kind;
  #receiver;
  #lines = new Map(); // only those that somebody is in
  #lent = new Set();
  #listening;

  constructor(workstream, name, given) {
    const { kind, open } = opening(name, given);
    super(workstream, name, open);
    this.#kind = kind;
    this.#receiver = new Receiver(this);
    workstream._add(this);
  }

  get kind() {
    return this.#kind;
  }

  /** Ends the channel for everybody; with { drain: true } what is there can still be received. */
  shut(given) {
    const flags = checked.flags(checked.options(given, ['drain']), {
      drain: constants.CHANNEL_DRAIN,
    });
    check(native.syncmgr_channel_shut(this._handle(), flags));
  }

  /** Subscribes, to topics with one pattern more. First come the `last` messages of before. */
  subscribe(topic, given) {
    if (typeof topic === 'object' && topic !== null) return this.subscribe(undefined, topic);
    const { last = 0 } = checked.options(given, ['last']);
    const pattern = topic === undefined ? null : checked.text(topic, 'topic');
    check(native.syncmgr_channel_subscribe(this._handle(), pattern, checked.count(last, 'last')));
    return this;
  }

  /** Takes a pattern back, or without one the whole subscription and what waits in it. */
  unsubscribe(topic) {
    const pattern = topic === undefined ? null : checked.text(topic, 'topic');
    check(native.syncmgr_channel_unsubscribe(this._handle(), pattern));
    if (pattern === null) this.#receiver.drop();
  }

  /** Sends a message, when there is room for it, and resolves with { count, partial }. */
  async send(data, given) {
    const bytes = contents(data);
    const wanted = sending(given);
    return this._send(wanted, (handle, count) => native.syncmgr_channel_send(
      handle, bytes, bytes?.length ?? 0, wanted.options, count));
  }

  /** Sends a message if there is room for it now and nobody waits for some, else returns null. */
  trySend(data, given) {
    const bytes = contents(data);
    const options = letter(given);
    if (this.#lines.size > 0 && this.#lines.has(this.#lineOf(given?.target))) return null;
    const status = native.syncmgr_channel_send(this._handle(), bytes, bytes?.length ?? 0, options,
      scratch.words);
    if (status === E_TIMEOUT) return null;
    check(status);
    return { count: scratch.words[0], partial: status === PARTIAL };
  }

  /** Sends several messages with the same options, and resolves with how many: all, or the first
   *  ones when the time passes or something fails after that. */
  async sendMany(list, given) {
    const wanted = sending(given);
    const pieces = checked.list(list, 'the messages')
      .map((data) => checked.bytes(data, 'data'));
    if (pieces.length === 0) return 0;
    const bytes = Buffer.concat(pieces);
    const lengths = Uint32Array.from(pieces, (piece) => piece.length);
    let sent = 0;
    let start = 0;
    try {
      await this._send(wanted, (handle, count) => {
        count[0] = lengths.length - sent;
        const status = native.syncmgr_channel_send_many(handle, bytes.subarray(start),
          lengths.subarray(sent), count, wanted.options);
        if (status < 0) return status;
        for (const end = sent + count[0]; sent < end; sent += 1) start += lengths[sent];
        return sent < lengths.length ? E_TIMEOUT : status;
      });
    } catch (error) {
      if (sent === 0) throw error;
    }
    return sent;
  }

  /** Resolves with the next message. */
  async recv(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._when(() => this.#receiver.one(), readable, timeout, signal);
  }

  /** Takes the next message that is there, or returns null. */
  tryRecv() {
    return this.#receiver.one();
  }

  /** Resolves with up to `count` messages, at least one. */
  async recvMany(count, given) {
    if (checked.count(count, 'count') === 0) throw checked.rangeError('count must be at least 1');
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._when(() => {
      const messages = this.#receiver.many(count);
      return messages.length === 0 ? null : messages;
    }, readable, timeout, signal);
  }

  /** Resolves with the next message as a view, whose data is not copied. */
  async view(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._when(() => this.#receiver.view(), readable, timeout, signal);
  }

  /** Messages as they come, until the channel is closed or shut. They are taken in batches; what a
   *  loop has not got to when it ends is what comes next. `given` is for each wait. */
  messages(given) {
    const { timeout, signal } = checked.waiting(given);
    return new Messages(this, this.#receiver, timeout, signal);
  }

  [Symbol.asyncIterator]() {
    return this.messages();
  }

  /** Lends memory to write a message of up to `size` bytes into. */
  loan(size) {
    return new Loan(this, checked.size(size, 'size'));
  }

  /** Sends a request and resolves with the message that responds to it. */
  async call(data, given) {
    const bytes = contents(data);
    const wanted = sending(given);
    const deadline = new Deadline(wanted.timeout);
    let request;
    await this._send(wanted, (handle) => {
      const status = native.syncmgr_channel_request(handle, bytes, bytes?.length ?? 0,
        wanted.options, scratch.longs);
      if (status >= 0) request = scratch.longs[0];
      return status;
    });
    try {
      return await this._when(() => this.#receiver.one(request), () => request, deadline.left(),
        wanted.signal);
    } catch (error) {
      if (!this.closed) native.syncmgr_channel_forget(this._handle(), request);
      throw error;
    }
  }

  /** How the mailboxes of the channel are. */
  mailboxes() {
    return readMailboxes(this._handle());
  }

  /** As of an EventEmitter: 'message' for each message, 'close' when there will be no more, and
   *  'error'. Messages are taken while somebody listens for them. */
  on(event, listener) {
    this.#listeners().on(event, listener);
    return this;
  }

  once(event, listener) {
    this.#listeners().once(event, listener);
    return this;
  }

  off(event, listener) {
    this.#listeners().off(event, listener);
    return this;
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  removeListener(event, listener) {
    return this.off(event, listener);
  }

  /** Sends when there is room: `attempt(handle, count)` is a call of the library. */
  async _send({ options, target, timeout, signal }, attempt) {
    const once = () => {
      scratch.words[0] = 0;
      const status = attempt(this._handle(), scratch.words);
      if (status === E_TIMEOUT) return null;
      if (status < 0) throw lastError(status);
      return { count: scratch.words[0], partial: status === PARTIAL };
    };
    const key = this.#lineOf(target);
    const delivery = this.#lines.has(key) ? null : once();
    if (delivery !== null) return delivery;
    const deadline = new Deadline(timeout);
    const room = () => {
      check(native.syncmgr_channel_room(this._handle(), options, scratch.longs));
      return scratch.longs[0];
    };
    const line = this.#lines.get(key) ?? new Line();
    this.#lines.set(key, line);
    try {
      return await line.enter(() => this._when(once, room, deadline.left(), signal), deadline,
        signal, this._subject());
    } finally {
      if (line.isEmpty && this.#lines.get(key) === line) this.#lines.delete(key);
    }
  }

  /** Resolves with what `attempt()` returns as soon as that is not null. `what()` says what to wait
   *  for; 0n when it is worth another attempt at once. */
  async _when(attempt, what, timeout, signal) {
    let result = attempt();
    if (result !== null) return result;
    const deadline = new Deadline(timeout);
    do {
      const number = what();
      const look = new Look(this, number, attempt);
      result = number === 0n ? attempt()
        : await this.manager._queue().wait(look, deadline.left(), signal);
    } while (result === null);
    return result;
  }

  /** A view or a loan ends with the channel. */
  _lend(lent, buffer) {
    this.#lent.add(lent);
    keepers.set(buffer, this);
  }

  _takeBack(lent) {
    this.#lent.delete(lent);
  }

  _abandon() {
    super._abandon();
    for (const lent of [...this.#lent]) lent._abandon();
  }

  _closeHandle(handle) {
    return native.syncmgr_channel_close(handle);
  }

  /** In one line are those who send to the same mailbox: others may have room. */
  #lineOf(target) {
    return this.#kind === 'direct' ? String(target ?? '') : '';
  }

  #listeners() {
    this.#listening ??= new Listening(this, this.#receiver);
    return this.#listening;
  }
}

module.exports = { Channel };
