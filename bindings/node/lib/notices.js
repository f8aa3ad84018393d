'use strict';
// Notices: what happens in a space, as the library tells it.
//
// Whoever wants notices has a queue of the library of its own, whose descriptor the event loop
// watches. So a slow one delays nobody, and hears how many it has lost.

const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const NOTICE = structures.syncmgr_notice_t;
const BATCH = 16;
/** After so many batches the event loop gets its turn; the descriptor stays readable. */
const BATCHES_PER_TURN = 16;

/** holdLost for HOLD_LOST. */
function camelCase(constant) {
  return constant.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** The bits of the notices, by the names under which they are known here. */
const KINDS = {};
const TYPES = {};
for (const [name, value] of Object.entries(constants)) {
  if (name === 'NOTICE_ALL') continue;
  if (name.startsWith('NOTICE_')) KINDS[camelCase(name.slice('NOTICE_'.length))] = value;
  if (name.startsWith('TYPE_')) TYPES[value] = camelCase(name.slice('TYPE_'.length));
}
const NAMES = new Map(Object.entries(KINDS).map(([name, bit]) => [bit, name]));
const PRIORITIES = ['low', 'medium', 'high', 'critical'];

/** Memory for notices. */
function noticeMemory(count) {
  return new Uint8Array(count * NOTICE.bytes);
}

function detailOf(text) {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text; // somebody has spoiled it
  }
}

/** Reads the notice at `offset` of `bytes`. */
function readNotice(bytes, offset = 0) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, NOTICE.bytes);
  const text = (field, capacity) => scratch.text(bytes, offset + field, capacity);
  const bit = view.getUint32(NOTICE.kind, true);
  return {
    kind: NAMES.get(bit) ?? String(bit),
    workstream: view.getBigUint64(NOTICE.workstream, true),
    pid: view.getInt32(NOTICE.pid, true),
    name: text(NOTICE.name, NOTICE.object - NOTICE.name),
    object: text(NOTICE.object, NOTICE.text - NOTICE.object),
    type: TYPES[view.getUint32(NOTICE.type, true)] ?? '',
    priority: PRIORITIES[view.getUint32(NOTICE.priority, true)] ?? 'critical',
    value: view.getBigUint64(NOTICE.value, true),
    text: text(NOTICE.text, NOTICE.detail - NOTICE.text),
    detail: detailOf(text(NOTICE.detail, NOTICE.bytes - NOTICE.detail)),
    message: view.getBigUint64(NOTICE.message, true),
    sequence: view.getBigUint64(NOTICE.sequence, true),
    timeNs: view.getBigInt64(NOTICE.time_ns, true),
    wallNs: view.getBigInt64(NOTICE.wall_ns, true),
  };
}

/** Returns the number of a priority; left out, `otherwise`. */
function priorityOf(name, otherwise) {
  const number = PRIORITIES.indexOf(name ?? otherwise);
  if (number >= 0) return number;
  throw checked.rangeError(`a priority is one of: ${PRIORITIES.join(', ')}`);
}

/** Returns the bits of a kind, of several, or of all. */
function maskOf(kinds) {
  if (kinds === undefined || kinds === 'all') return constants.NOTICE_ALL;
  let mask = 0;
  for (const kind of typeof kinds === 'string' ? [kinds] : kinds) {
    if (!Object.hasOwn(KINDS, kind)) {
      throw checked.rangeError(`a kind is one of: ${Object.keys(KINDS).join(', ')}, all`);
    }
    mask |= KINDS[kind];
  }
  if (mask === 0) throw checked.rangeError('no kinds of notices were asked for');
  return mask >>> 0;
}

/** A queue of notices. `ready()` is called on the event loop when there are some. */
class NoticeQueue {
  #handle;
  #watch;
  #memory = noticeMemory(BATCH);
  #count = new Uint32Array(1);

  constructor(manager, mask, { objects, workstreams, minPriority }, ready) {
    const priority = priorityOf(minPriority, 'low');
    const patterns = [objects, workstreams].map((pattern) => (
      pattern === undefined ? null : checked.text(pattern, 'a pattern')));
    check(native.syncmgr_queue_open(manager, 0, -1, scratch.words));
    this.#handle = scratch.handle();
    try {
      check(native.syncmgr_queue_filter(this.#handle, priority, ...patterns));
      this.watch(mask);
      check(native.syncmgr_queue_fd(this.#handle, scratch.words));
      this.#watch = addon.watch(scratch.words[0], ready);
    } catch (error) {
      native.syncmgr_queue_close(this.#handle);
      throw error;
    }
  }

  watch(mask) {
    check(native.syncmgr_queue_watch(this.#handle, mask, 0));
  }

  /** Takes what waits: a list, of bounded length. */
  take() {
    const notices = [];
    for (let batch = 0; batch < BATCHES_PER_TURN && this.#handle !== 0; batch++) {
      check(native.syncmgr_queue_notices(this.#handle, this.#memory, BATCH, this.#count));
      for (let index = 0; index < this.#count[0]; index++) {
        notices.push(readNotice(this.#memory, index * NOTICE.bytes));
      }
      if (this.#count[0] < BATCH) break;
    }
    return notices;
  }

  /** Keeps the event loop alive until unref(). */
  ref() {
    if (this.#handle !== 0) this.#watch.ref();
  }

  unref() {
    if (this.#handle !== 0) this.#watch.unref();
  }

  close() {
    if (this.#handle === 0) return;
    this.#watch.close();
    native.syncmgr_queue_close(this.#handle);
    this.#handle = 0;
  }
}

module.exports = { KINDS, NoticeQueue, PRIORITIES, TYPES, maskOf, noticeMemory, priorityOf,
  readNotice };
