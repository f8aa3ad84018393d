'use strict';
// What the package offers.

const { libraryPath, native } = require('./loader.js');
const errors = require('./errors.js');
const { Barrier } = require('./barrier.js');
const { Channel } = require('./channel.js');
const { Condition } = require('./condition.js');
const { Election } = require('./election.js');
const { Events } = require('./events.js');
const { Guard } = require('./guard.js');
const { Inbox } = require('./messages.js');
const { Latch } = require('./latch.js');
const { Leadership } = require('./leadership.js');
const { Loan } = require('./loan.js');
const { Manager, open, unlink } = require('./manager.js');
const { ManyGuard, lockMany } = require('./many.js');
const { Memory } = require('./memory.js');
const { Message, View } = require('./message.js');
const { Mutex } = require('./mutex.js');
const { once } = require('./once.js');
const { Party } = require('./party.js');
const { Resource } = require('./resource.js');
const { compareClocks, mergeClocks, resolve } = require('./resolving.js');
const { RWGuard } = require('./rwguard.js');
const { RWLock } = require('./rwlock.js');
const { Permits, Semaphore } = require('./semaphore.js');
const { Store } = require('./store.js');
const { SyncEvent } = require('./event.js');
const { SyncPoint } = require('./syncpoint.js');
const { Transaction } = require('./transaction.js');
const { Workstream } = require('./workstream.js');

/** Returns the version of the library that was loaded. */
function version() {
  return native.syncmgr_version();
}

const { check, closedError, lastError, waitError, ...classes } = errors;

module.exports = {
  open,
  unlink,
  once,
  lockMany,
  version,
  libraryPath,
  compareClocks,
  mergeClocks,
  resolve,
  Barrier,
  Channel,
  Condition,
  Election,
  Events,
  Guard,
  Inbox,
  Latch,
  Leadership,
  Loan,
  Manager,
  ManyGuard,
  Memory,
  Message,
  Mutex,
  Party,
  Permits,
  Resource,
  RWGuard,
  RWLock,
  Semaphore,
  Store,
  SyncEvent,
  SyncPoint,
  Transaction,
  View,
  Workstream,
  ...classes,
};
