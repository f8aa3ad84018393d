'use strict';
// What the library writes as JSON, and what is written for it.
//
// Whole numbers that a Number cannot have, such as nanoseconds since 1970, are BigInts here.

const { randomBytes } = require('node:crypto');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const FIRST_SIZE = 4096;
/** Strings of JSON, which are left alone, and long numbers. */
const LONG_NUMBERS = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
/** What stands before a number on its way through JSON.parse() or JSON.stringify(): no other text
 *  begins so. */
const MARK = `${randomBytes(12).toString('hex')}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/** Returns the value of a JSON text. */
function parse(text) {
  let isMarked = false;
  const marked = text.replace(LONG_NUMBERS, (part) => {
    if (part[0] === '"' || Number.isSafeInteger(Number(part))) return part;
    isMarked = true;
    return `"${MARK}${part}"`;
  });
  if (!isMarked) return JSON.parse(text);
  return JSON.parse(marked, (key, value) => {
    const isNumber = typeof value === 'string' && value.startsWith(MARK);
    return isNumber ? BigInt(value.slice(MARK.length)) : value;
  });
}

/** Returns the JSON text of a value; `what` says what it is when there is none. */
function stringify(value, what) {
  const text = JSON.stringify(value, (key, part) => (
    typeof part === 'bigint' ? `${MARK}${part}` : part));
  if (text === undefined) throw checked.typeError(`${what} is nothing that JSON can say`);
  return text.replace(MARKED, '$1');
}

/** Reads what `call(buffer, capacity, length)` writes. It is called again with more room when there
 *  was too little. `size` is what there is room for at first. */
function readDocument(call, size = FIRST_SIZE) {
  for (let capacity = size; ;) {
    const buffer = Buffer.from(new ArrayBuffer(capacity));
    const status = call(buffer, capacity, scratch.longs);
    const length = Number(scratch.longs[0]);
    if (status !== constants.E_OVERFLOW) {
      check(status);
      return parse(buffer.toString('utf8', 0, length));
    }
    // Things go on between the calls.
    capacity = length + (length >> 1) + FIRST_SIZE;
  }
}

module.exports = { parse, readDocument, stringify };
