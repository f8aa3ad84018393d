'use strict';
// How channels are opened, of every kind.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const KINDS = {
  queue: constants.CHANNEL_QUEUE,
  direct: constants.CHANNEL_DIRECT,
  broadcast: constants.CHANNEL_BROADCAST,
  topics: constants.CHANNEL_PUBSUB,
  memory: constants.CHANNEL_MEMORY,
};
const OVERFLOWS = ['default', 'block', 'fail', 'dropOldest', 'dropNewest'];
const FLAGS = {
  acknowledge: constants.CHANNEL_ACKNOWLEDGE,
  priorities: constants.CHANNEL_PRIORITIES,
  retain: constants.CHANNEL_RETAIN,
};
const KEYS = ['kind', 'capacity', 'inlineSize', 'overflow', 'history', 'maxDeliveries',
  'visibility', 'deadLetters', ...Object.keys(FLAGS)];
const OPTIONS = structures.syncmgr_channel_options_t;
const DEFAULTS = { capacity: 256, inlineSize: 256, history: 0, maxDeliveries: 0 };

/** Makes the options structure of a new channel, with the name that it has behind it; null for
 *  whatever an existing one has. */
function channelOptions({ kind, ...given }) {
  if (Object.values(given).every((value) => value === undefined)) return null;
  const number = (key) => checked.count(given[key] === undefined ? DEFAULTS[key] : given[key], key);
  const name = given.deadLetters === undefined ? ''
    : checked.text(given.deadLetters, 'deadLetters');
  const bytes = Buffer.alloc(OPTIONS.bytes + Buffer.byteLength(name) + 1);
  bytes.writeUInt32LE(checked.flags(given, FLAGS), OPTIONS.flags);
  bytes.writeUInt32LE(number('capacity'), OPTIONS.capacity);
  bytes.writeUInt32LE(number('inlineSize'), OPTIONS.inline_size);
  const { overflow = OVERFLOWS[0] } = given;
  bytes.writeUInt32LE(OVERFLOWS.indexOf(checked.choice(overflow, 'overflow', OVERFLOWS)),
    OPTIONS.overflow);
  bytes.writeUInt32LE(number('history'), OPTIONS.history);
  bytes.writeUInt32LE(number('maxDeliveries'), OPTIONS.max_deliveries);
  bytes.writeBigInt64LE(BigInt(checked.duration(given.visibility, 'visibility')),
    OPTIONS.visibility_ns);
  if (given.deadLetters !== undefined) {
    bytes.writeUInt32LE(OPTIONS.bytes, OPTIONS.dead_letters);
    bytes.write(name, OPTIONS.bytes);
  }
  return bytes;
}

/** Reads how a channel is to be opened. Returns its kind and how a workstream gets a handle. */
function opening(name, given) {
  const wanted = checked.options(given, KEYS);
  const { kind = 'queue' } = wanted;
  checked.choice(kind, 'kind', Object.keys(KINDS));
  const structure = channelOptions(wanted);
  checked.text(name, 'name');
  const open = (workstream) => {
    check(native.syncmgr_channel_open(workstream, name, KINDS[kind], structure, scratch.words));
    return scratch.handle();
  };
  return { kind, open };
}

module.exports = { opening };
