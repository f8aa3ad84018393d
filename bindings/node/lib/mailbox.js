'use strict';
// How the mailboxes of a channel are, as the library writes it.

const { native } = require('./loader.js');
const { structures } = require('./api.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const MAILBOX = structures.syncmgr_mailbox_t;
const FEW = 8;

function readMailbox(bytes, offset) {
  const view = new DataView(bytes.buffer, offset, MAILBOX.bytes);
  const long = (field) => Number(view.getBigUint64(field, true));
  return {
    workstream: view.getBigUint64(MAILBOX.workstream, true),
    name: scratch.text(bytes, offset + MAILBOX.name, MAILBOX.bytes - MAILBOX.name),
    pid: view.getInt32(MAILBOX.pid, true),
    waiting: view.getUint32(MAILBOX.waiting, true),
    taken: view.getUint32(MAILBOX.taken, true),
    received: long(MAILBOX.received),
    dropped: long(MAILBOX.dropped),
    expired: long(MAILBOX.expired),
    undelivered: long(MAILBOX.undelivered),
  };
}

/** Reads all mailboxes of a channel. */
function readMailboxes(channel) {
  // The number of mailboxes may grow between the two calls.
  for (let capacity = FEW; ; capacity = scratch.words[0] + FEW) {
    const bytes = new Uint8Array(capacity * MAILBOX.bytes);
    check(native.syncmgr_channel_mailboxes(channel, bytes, capacity, scratch.words));
    const count = scratch.words[0];
    if (count > capacity) continue;
    return Array.from({ length: count }, (_, index) => readMailbox(bytes, index * MAILBOX.bytes));
  }
}

module.exports = { readMailboxes };
