'use strict';
// Memory: a channel that keeps cells and regions, which everybody sees.

const { addon, native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { decode, encode, expectedOf, versionOf } = require('./cell.js');
const { check, lastError } = require('./errors.js');
const { SyncObject } = require('./object.js');
const { opening } = require('./opening.js');
const scratch = require('./scratch.js');
const { structures, withRoom } = require('./structures.js');

const CELL = layouts.syncmgr_cell_t;
const KEYS = ['kind', 'capacity', 'inlineSize'];
const { E_CHANGED, E_NOT_FOUND, E_TOO_LARGE, OK } = constants;

/** Whoever has the bytes of a region has the memory, too: it is not closed for nobody using it. */
const keepers = new WeakMap();

/** Waits until a cell has another version. */
class Change {
  constructor(memory, key, seen) {
    this.memory = memory;
    this.key = key;
    this.seen = seen;
  }

  start(queue, timeout, id) {
    const seen = structures(CELL, [{ key: this.key, version: this.seen }]);
    return native.syncmgr_channel_changed_start(this.memory._handle(), seen.memory, timeout, queue,
      id, scratch.words);
  }

  /** When it was so at once nobody has said which version it is. */
  succeed(status, version = this.memory._version(this.key, this.seen)) {
    return version;
  }

  undo() {
    return true;
  }

  end() {}

  subject() {
    return `${this.memory._subject()}, cell "${this.key}"`;
  }
}

class Memory extends SyncObject {
  #regions = new Set();

  constructor(workstream, name, given) {
    super(workstream, name, opening(name, checked.options(given, KEYS)).open);
    workstream._add(this);
  }

  get kind() {
    return 'memory';
  }

  /** Ends it for everybody: cells can still be read. */
  shut() {
    check(native.syncmgr_channel_shut(this._handle(), 0));
  }

  /** Sets a cell, and returns its version. With { expected } only if it has that version, else it
   *  is a ChangedError; 0 for one that is not there. */
  set(key, value, given) {
    const { expected, type } = checked.options(given, ['expected', 'type']);
    return this.#set(key, encode(value, type), expected);
  }

  /** Sets a cell if it has the version `expected`, and returns the new one; null if it has not. */
  compareAndSet(key, expected, value, given) {
    const { type } = checked.options(given, ['type']);
    const { bytes, type: number } = encode(value, type);
    const status = this.#trySet(key, number, bytes, versionOf(expected, 'expected'));
    return status === E_CHANGED ? null : this.#versionAfter(status);
  }

  /** Removes a cell, if it has the version { expected }. */
  remove(key, given) {
    const { expected } = checked.options(given, ['expected']);
    this.#set(key, { type: 0, bytes: null }, expected);
  }

  /** Returns { value, type, version } of a cell, or null when there is none. */
  get(key) {
    return this.#read([checked.text(key, 'key')])[0];
  }

  /** Returns the cells of these keys as they were at one moment: a Map of those that are there. */
  snapshot(keys) {
    const names = checked.list(keys, 'the keys').map((key) => checked.text(key, 'key'));
    const cells = names.length === 0 ? [] : this.#read(names);
    return new Map(names.map((name, index) => [name, cells[index]])
      .filter(([, cell]) => cell !== null));
  }

  /** Resolves with the version of a cell when it is not `seen`; 0n: when it is there. */
  async changed(key, seen, given) {
    if (typeof seen === 'object' && given === undefined) return this.changed(key, 0n, seen);
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    const change = new Change(this, checked.text(key, 'key'), versionOf(seen ?? 0n, 'seen'));
    return this.manager._queue().wait(change, timeout, signal);
  }

  /** Returns a region of so many bytes, which every process sees at once. It is empty when this is
   *  closed. */
  region(key, size) {
    const buffer = addon.region(this._handle(), checked.text(key, 'key'),
      checked.size(size, 'size'));
    if (typeof buffer === 'number') throw lastError(buffer);
    this.#regions.add(buffer);
    keepers.set(buffer, this);
    return Buffer.from(buffer);
  }

  /** The version of a cell, when it is not `seen`. */
  _version(key, seen) {
    check(native.syncmgr_channel_changed(this._handle(), key, seen, scratch.longs));
    return scratch.longs[0];
  }

  _abandon() {
    super._abandon();
    for (const region of this.#regions) addon.detach(region);
    this.#regions.clear();
  }

  _closeHandle(handle) {
    return native.syncmgr_channel_close(handle);
  }

  #set(key, { type, bytes }, expected) {
    return this.#versionAfter(this.#trySet(key, type, bytes, expectedOf(expected)));
  }

  #trySet(key, type, bytes, expected) {
    const cell = structures(CELL, [{ key: checked.text(key, 'key'), data: bytes, type }]);
    return native.syncmgr_channel_set(this._handle(), cell.memory, expected, scratch.longs);
  }

  #versionAfter(status) {
    check(status);
    return scratch.longs[0];
  }

  /** Reads cells: null in the place of one that is not there. */
  #read(names) {
    let cells;
    const memory = withRoom((bytes) => {
      cells = structures(CELL, names.map((key) => ({ key })));
      const status = native.syncmgr_channel_get(this._handle(), cells.memory, names.length, bytes,
        bytes.length, scratch.longs);
      if (status === E_TOO_LARGE) return Number(scratch.longs[0]);
      if (status !== OK && status !== E_NOT_FOUND) throw lastError(status);
      return 0;
    });
    return names.map((_, index) => (cells.status(index, CELL.status) !== OK ? null
      : decode(cells.word(index, CELL.type), cells.bytes(index, CELL.data, memory),
        cells.long(index, CELL.version))));
  }
}

module.exports = { Memory };
