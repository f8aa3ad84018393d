'use strict';
// What is sent: the bytes of a message, and what goes with them.

const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { jsonText, namesText } = require('./messages.js');
const { priorityOf } = require('./notices.js');

const OPTIONS = structures.syncmgr_send_options_t;
const FLAGS = {
  retain: constants.SEND_RETAIN,
  self: constants.SEND_SELF,
  return: constants.SEND_RETURN,
};
const LETTER_KEYS = ['topic', 'target', 'priority', 'ttl', 'metadata', 'correlation',
  ...Object.keys(FLAGS)];
const SEND_KEYS = ['timeout', 'signal', ...LETTER_KEYS];
const LARGEST_CORRELATION = 2n ** 64n - 1n;

/** Returns a whole number as the 64 bits that it has. */
function correlationOf(value) {
  if (value === undefined) return 0n;
  const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!isWhole) throw checked.typeError('correlation must be a whole Number or a BigInt');
  if (value >= 0 && value <= LARGEST_CORRELATION) return BigInt(value);
  throw checked.rangeError(`correlation must have 64 bits and no sign, not ${value}`);
}

/** Makes the options structure, with its texts behind it; null when all is as it is by default. */
function letterOptions(given) {
  if (!LETTER_KEYS.some((key) => given[key] !== undefined)) return null;
  const topic = given.topic === undefined ? null : checked.text(given.topic, 'topic');
  const texts = [namesText(given.target), topic, jsonText(given.metadata, 'the metadata')];
  const lengths = texts.map((text) => (text === null ? 0 : Buffer.byteLength(text) + 1));
  const bytes = Buffer.alloc(OPTIONS.bytes + lengths[0] + lengths[1] + lengths[2]);
  bytes.writeUInt32LE(checked.flags(given, FLAGS), OPTIONS.flags);
  bytes.writeUInt32LE(priorityOf(given.priority, 'medium'), OPTIONS.priority);
  bytes.writeBigInt64LE(BigInt(checked.duration(given.ttl, 'ttl')), OPTIONS.ttl_ns);
  bytes.writeBigUInt64LE(correlationOf(given.correlation), OPTIONS.correlation);
  let place = OPTIONS.bytes;
  [OPTIONS.target, OPTIONS.topic, OPTIONS.metadata].forEach((field, index) => {
    if (texts[index] === null) return;
    bytes.writeUInt32LE(place, field);
    bytes.write(texts[index], place);
    place += lengths[index];
  });
  return bytes;
}

/** Reads what a send was given. `more` are options of this call besides. */
function sending(given, more = []) {
  if (given === undefined) {
    return { options: null, timeout: constants.FOREVER, signal: undefined, target: '' };
  }
  const { timeout, signal } = checked.waiting(given, [...SEND_KEYS, ...more]);
  signal?.throwIfAborted();
  return { options: letterOptions(given), timeout, signal, target: String(given.target ?? '') };
}

/** Returns the options of a send that does not wait. */
function letter(given) {
  return letterOptions(checked.options(given, LETTER_KEYS));
}

/** The bytes of a message; null for an empty one. */
function contents(data) {
  const bytes = checked.bytes(data, 'data');
  return bytes.length === 0 ? null : bytes;
}

module.exports = { contents, letter, sending };
