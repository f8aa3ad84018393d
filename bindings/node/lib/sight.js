'use strict';
// What is waited for at a store: changes that are there to be seen, and changes that are on disk.

const { native } = require('./loader.js');
const { structures: layouts } = require('./api.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');

const ENTRY = layouts.syncmgr_entry_t;

/** Waits until a key has another version than `seen`, or with the key null the store another
 *  revision. */
class Sight {
  constructor(store, key, seen) {
    this.store = store;
    this.key = key;
    this.seen = seen;
  }

  start(queue, timeout, id) {
    const seen = structures(ENTRY, [{ key: this.key, version: this.seen }]);
    return native.syncmgr_store_wait_start(this.store._handle(), seen.memory, timeout, queue, id,
      scratch.words);
  }

  /** When it was so at once nobody has said what it is now. */
  succeed(status, value) {
    if (value !== undefined) return value;
    check(native.syncmgr_store_wait(this.store._handle(), this.key, this.seen, scratch.longs));
    return scratch.longs[0];
  }

  undo() {
    return true;
  }

  end() {}

  subject() {
    return this.key === null ? `a change of ${this.store._subject()}`
      : `${this.store._subject()}, key "${this.key}"`;
  }
}

/** Waits until a revision is on disk. */
class Landing {
  constructor(store, revision) {
    this.store = store;
    this.revision = revision;
  }

  start(queue, timeout, id) {
    return native.syncmgr_store_sync_start(this.store._handle(), this.revision, timeout, queue, id,
      scratch.words);
  }

  succeed() {}

  undo() {
    return true;
  }

  end() {}

  subject() {
    return `revision ${this.revision} of ${this.store._subject()} on disk`;
  }
}

module.exports = { Landing, Sight };
