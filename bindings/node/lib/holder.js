'use strict';
// Who holds something, as the library writes it.

const { structures } = require('./api.js');
const scratch = require('./scratch.js');

const HOLDER = structures.syncmgr_holder_t;

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

module.exports = { readHolder, holderSize: HOLDER.bytes };
