'use strict';
// Messages: from one workstream to others, by their names.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { Deadline } = require('./deadline.js');
const { NameError, check, lastError } = require('./errors.js');
const { KINDS, noticeMemory, priorityOf, readNotice } = require('./notices.js');
const scratch = require('./scratch.js');

const OPTIONS = structures.syncmgr_notify_options_t;
const RECIPIENT = structures.syncmgr_recipient_t;
const STATUSES = ['pending', 'delivered', 'read', 'failed', 'expired'];
const EVERYBODY = ['custom', 'conflict', 'dataAvailable', 'resourceAvailable'];
const SOME = [...EVERYBODY, 'syncComplete', 'syncTimeout', 'deadlock', 'completed', 'failed'];
const KEYS = ['detail', 'kind', 'priority', 'ttl', 'requireAck'];

/** The JSON of a detail; null for none. */
function jsonText(detail, what = 'the detail') {
  if (detail === undefined || detail === null) return null;
  const text = JSON.stringify(detail);
  if (text === undefined) throw checked.typeError(`${what} is nothing that JSON can say`);
  return text;
}

/** The names in the form that the library takes. */
function namesText(recipients) {
  if (recipients === null || recipients === undefined) return null;
  const names = typeof recipients === 'string' ? [recipients] : [...recipients];
  for (const name of names) {
    if (checked.text(name, 'a recipient').includes('/')) {
      throw new NameError(`the recipient "${name}" has a '/' in it`);
    }
  }
  return names.join('/');
}

/** Sends a message, or, without recipients, a notice to everybody. */
function send(workstream, recipients, text, given) {
  const choice = checked.options(given, KEYS);
  const names = namesText(recipients);
  const allowed = names === null ? EVERYBODY : SOME;
  const kind = choice.kind ?? 'custom';
  if (!allowed.includes(kind)) {
    throw checked.rangeError(`the kind must be one of: ${allowed.join(', ')}`);
  }
  const view = new DataView(new ArrayBuffer(OPTIONS.bytes));
  view.setUint32(OPTIONS.kind, KINDS[kind], true);
  view.setUint32(OPTIONS.priority, priorityOf(choice.priority, 'medium'), true);
  view.setUint32(OPTIONS.flags, checked.flags(choice, {
    requireAck: constants.NOTIFY_REQUIRE_ACK,
  }), true);
  view.setBigInt64(OPTIONS.ttl_ns, BigInt(checked.duration(choice.ttl, 'ttl')), true);
  const status = check(native.syncmgr_notify(
    workstream._handle(), names, new Uint8Array(view.buffer), checked.text(text ?? '', 'a message'),
    jsonText(choice.detail), scratch.longs));
  const id = scratch.longs[0];
  const missing = status !== constants.PARTIAL ? [] : statusOf(workstream.manager, id)
    .filter((recipient) => recipient.workstream === 0n).map((recipient) => recipient.name);
  return { id, missing };
}

/** Returns how far a message is with each of its recipients. */
function statusOf(manager, id) {
  const memory = new Uint8Array(RECIPIENT.bytes * constants.RECIPIENTS_MAX);
  check(native.syncmgr_notification_status(
    manager._handle(), id, memory, constants.RECIPIENTS_MAX, scratch.words));
  return Array.from({ length: scratch.words[0] }, (_, index) => {
    const offset = index * RECIPIENT.bytes;
    const view = new DataView(memory.buffer, offset, RECIPIENT.bytes);
    return {
      name: scratch.text(memory, offset + RECIPIENT.name, RECIPIENT.bytes - RECIPIENT.name),
      status: STATUSES[view.getUint32(RECIPIENT.status, true)],
      workstream: view.getBigUint64(RECIPIENT.workstream, true),
      pid: view.getInt32(RECIPIENT.pid, true),
    };
  });
}

/** Waits until there is a message, or takes one that is there. */
class Arrival {
  #workstream;
  #memory;

  constructor(workstream, memory) {
    this.#workstream = workstream;
    this.#memory = memory;
  }

  start(queue, timeout, id) {
    return native.syncmgr_inbox_next_start(this.#workstream._handle(), timeout, queue, id,
      scratch.words, this.#memory);
  }

  /** Without a value the message was there. Else it still is where it came. */
  succeed(status, value) {
    return value === undefined ? readNotice(this.#memory) : null;
  }

  /** Nothing was granted: the message stays in the inbox. */
  undo() {
    return true;
  }

  end() {}

  subject() {
    return `the inbox of workstream "${this.#workstream.name}"`;
  }
}

/** The messages that were sent to a workstream: the most urgent first, equal ones in order. */
class Inbox {
  #workstream;
  #memory = noticeMemory(1);

  constructor(workstream) {
    this.#workstream = workstream;
  }

  /** Takes the next message that is there, or returns null. */
  tryNext() {
    const status = native.syncmgr_inbox_next(this.#workstream._handle(), this.#memory);
    if (status === constants.E_TIMEOUT) return null;
    if (status < 0) throw lastError(status);
    return readNotice(this.#memory);
  }

  /** Resolves with the next message. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    const deadline = new Deadline(timeout);
    const arrival = new Arrival(this.#workstream, this.#memory);
    let message;
    do {
      signal?.throwIfAborted();
      this.#workstream._handle();
      const queue = this.#workstream.manager._queue();
      message = await queue.wait(arrival, deadline.left(), signal);
    } while (message === null);
    return message;
  }

  /** Acknowledges a message that asked for it, by itself or by its id. */
  read(message) {
    const id = typeof message === 'object' && message !== null ? message.message : message;
    check(native.syncmgr_notification_read(this.#workstream._handle(), id));
  }

  /** Ends when the workstream is closed. */
  async* [Symbol.asyncIterator]() {
    while (!this.#workstream.closed) {
      let message;
      try {
        message = await this.wait();
      } catch (error) {
        if (this.#workstream.closed) return;
        throw error;
      }
      yield message;
    }
  }
}

module.exports = { Inbox, jsonText, namesText, send, statusOf };
