'use strict';
// Targets: what transactions lock, keys of the store and whatever else has a name.

const { native } = require('./loader.js');
const { structures: layouts } = require('./api.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');

const TARGET = layouts.syncmgr_target_t;

/** Waits for the lock of a target. */
class TargetWait {
  constructor(transaction, name, mode) {
    this.transaction = transaction;
    this.name = name;
    this.mode = mode;
  }

  start(queue, timeout, id) {
    const target = structures(TARGET, [{ name: this.name, mode: this.mode }]);
    return native.syncmgr_transaction_lock_start(this.transaction._handle(), target.memory, timeout,
      queue, id, scratch.words);
  }

  succeed() {}

  /** What is locked stays so until the transaction ends. */
  undo() {
    return true;
  }

  end() {}

  subject() {
    return `the target "${this.name}" of ${this.transaction._subject()}`;
  }
}

module.exports = { TargetWait };
