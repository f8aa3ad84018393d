'use strict';
// Who holds something, as the library writes it.

const { structures } = require('./api.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const HOLDER = structures.syncmgr_holder_t;
const FEW = 8;

/** Reads the holder at `offset` of `bytes`. */
function readHolder(bytes, offset) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, HOLDER.bytes);
  return {
    workstream: view.getBigUint64(HOLDER.workstream, true),
    name: scratch.text(bytes, offset + HOLDER.name, HOLDER.bytes - HOLDER.name),
    pid: view.getInt32(HOLDER.pid, true),
    amount: view.getUint32(HOLDER.amount, true),
    token: view.getBigUint64(HOLDER.token, true),
  };
}

/** Reads all holders. `ask(bytes, capacity, count)` is the library's call that writes them. */
function readHolders(ask) {
  let bytes = new Uint8Array(0);
  // The number of holders may grow between the two calls.
  for (let capacity = FEW; ; capacity = scratch.words[0] + FEW) {
    bytes = new Uint8Array(capacity * HOLDER.bytes);
    check(ask(bytes, capacity, scratch.words));
    if (scratch.words[0] <= capacity) break;
  }
  return Array.from({ length: scratch.words[0] },
    (_, index) => readHolder(bytes, index * HOLDER.bytes));
}

module.exports = { readHolder, readHolders };
