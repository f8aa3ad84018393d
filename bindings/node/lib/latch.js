'use strict';
// Latch: counts down to zero once, and stays open.

const { native } = require('./loader.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const { SyncObject } = require('./object.js');
const scratch = require('./scratch.js');

/** Waits until a latch is at zero. Nothing is granted, so nothing can be lost. */
class LatchWait {
  constructor(latch) {
    this.latch = latch;
  }

  start(queue, timeout, id) {
    return native.syncmgr_latch_wait_start(this.latch._handle(), timeout, queue, id, scratch.words);
  }

  succeed() {}

  undo() {
    return true;
  }

  end() {}

  subject() {
    return this.latch._subject();
  }
}

class Latch extends SyncObject {
  constructor(workstream, shared, name, initial) {
    const total = checked.parameter(initial, 'count');
    super(workstream, checked.text(name, 'name'), (owner) => {
      check(native.syncmgr_latch_open(owner, name, total, scratch.words));
      return scratch.handle();
    });
    workstream._add(this);
  }

  /** Counts down by `count` and returns how many remain. At zero all who wait go on. */
  countDown(count = 1) {
    checked.count(count, 'count');
    check(native.syncmgr_latch_count_down(this._handle(), count, scratch.words));
    return scratch.words[0];
  }

  /** Resolves when the latch is at zero. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this.manager._queue().wait(new LatchWait(this), timeout, signal);
  }

  /** How many remain. */
  get count() {
    check(native.syncmgr_latch_count(this._handle(), scratch.words));
    return scratch.words[0];
  }

  _closeHandle(handle) {
    return native.syncmgr_latch_close(handle);
  }
}

module.exports = { Latch };
