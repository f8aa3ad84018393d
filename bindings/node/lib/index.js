'use strict';
// What the package offers.

const { libraryPath, native } = require('./loader.js');
const errors = require('./errors.js');
const { Barrier } = require('./barrier.js');
const { Latch } = require('./latch.js');
const { Manager, open, unlink } = require('./manager.js');
const { Guard, Mutex } = require('./mutex.js');
const { Permits, Semaphore } = require('./semaphore.js');
const { SyncEvent } = require('./event.js');
const { Workstream } = require('./workstream.js');

/** Returns the version of the library that was loaded. */
function version() {
  return native.syncmgr_version();
}

const { check, closedError, lastError, waitError, ...classes } = errors;

module.exports = {
  open,
  unlink,
  version,
  libraryPath,
  Barrier,
  Guard,
  Latch,
  Manager,
  Mutex,
  Permits,
  Semaphore,
  SyncEvent,
  Workstream,
  ...classes,
};
