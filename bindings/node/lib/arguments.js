'use strict';
// Checks what callers pass, so that every mistake gets a sentence that names the argument.

const { constants } = require('./api.js');
const { NameError } = require('./errors.js');

const NANOSECONDS_PER_MILLISECOND = 1e6;
const LONGEST_TIMEOUT = 2n ** 63n - 1n;
const NOTHING = Object.freeze({});

function typeError(message) {
  return Object.assign(new TypeError(message), { code: 'ERR_SYNCMGR_INVALID' });
}

function rangeError(message) {
  return Object.assign(new RangeError(message), { code: 'ERR_SYNCMGR_INVALID' });
}

/** Returns `value` if it is text that UTF-8 can carry to the library unchanged. */
function text(value, what) {
  if (typeof value !== 'string') throw typeError(`${what} must be a string`);
  if (value.includes('\0')) throw new NameError(`${what} has a zero character in it`);
  if (/\p{Surrogate}/u.test(value)) throw new NameError(`${what} has half a character in it`);
  return value;
}

/** Returns `value` if it is a whole number from 0 to the largest count. */
function count(value, what) {
  if (typeof value !== 'number') throw typeError(`${what} must be a number`);
  if (Number.isInteger(value) && value >= 0 && value <= constants.COUNT_MAX) return value;
  throw rangeError(`${what} must be a whole number from 0 to ${constants.COUNT_MAX}, not ${value}`);
}

/** Returns `value` if it is a number of bytes. */
function size(value, what) {
  if (typeof value !== 'number') throw typeError(`${what} must be a number`);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw rangeError(`${what} must be a whole number of bytes, not ${value}`);
}

/** Returns the elements of `value` if it is a list, and not a text, which has characters. */
function list(value, what) {
  const isList = typeof value === 'object' && typeof value?.[Symbol.iterator] === 'function';
  if (isList) return [...value];
  throw typeError(`${what} must be a list`);
}

/** Returns a parameter of an object: a count, or, left out, whatever the existing object has. */
function parameter(value, what) {
  return value === undefined ? constants.ANY : count(value, what);
}

/** Returns the options; a key that nobody would read is a mistake. */
function options(given, keys) {
  if (given === undefined) return NOTHING;
  if (typeof given !== 'object' || given === null) throw typeError('the options must be an object');
  for (const key of Object.keys(given)) {
    if (!keys.includes(key)) {
      throw typeError(`there is no option "${key}", there are: ${keys.join(', ')}`);
    }
  }
  return given;
}

/** Adds up the bits of the options that are true. */
function flags(given, bits) {
  let sum = 0;
  for (const key of Object.keys(bits)) {
    const value = given[key];
    if (value === undefined || value === false) continue;
    if (value !== true) throw typeError(`the option ${key} must be true or false`);
    sum |= bits[key];
  }
  return sum;
}

/** Converts milliseconds to the library's nanoseconds; undefined and Infinity are without end. */
function duration(milliseconds, what) {
  if (milliseconds === undefined || milliseconds === Infinity) return constants.FOREVER;
  if (typeof milliseconds !== 'number') throw typeError(`${what} must be a number of milliseconds`);
  if (!(milliseconds >= 0)) throw rangeError(`${what} must not be below 0, but is ${milliseconds}`);
  const nanoseconds = Math.ceil(milliseconds * NANOSECONDS_PER_MILLISECOND);
  if (Number.isSafeInteger(nanoseconds)) return nanoseconds;
  if (nanoseconds >= Number(LONGEST_TIMEOUT)) return LONGEST_TIMEOUT;
  return BigInt(nanoseconds);
}

/** Returns `value` if it is an AbortSignal, of whatever realm, or nothing. */
function signal(value) {
  if (value === undefined) return value;
  if (typeof value?.aborted === 'boolean' && typeof value.addEventListener === 'function') {
    return value;
  }
  throw typeError('signal must be an AbortSignal');
}

/** Returns `value` if it can be called. */
function callable(value, what) {
  if (typeof value === 'function') return value;
  throw typeError(`${what} must be a function`);
}

/** Returns the bytes of a string or of what has bytes. */
function bytes(value, what) {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw typeError(`${what} must be a string or bytes`);
}

/** Returns the value of an option that is one of a few words. */
function choice(value, what, words) {
  if (typeof value !== 'string') throw typeError(`${what} must be a string`);
  if (words.includes(value)) return value;
  throw rangeError(`${what} must be one of: ${words.join(', ')}`);
}

const WAIT_KEYS = ['timeout', 'signal'];

/** Reads `{ timeout, signal }`, among options that have more keys. */
function waiting(given, keys = WAIT_KEYS) {
  const { timeout: milliseconds, signal: abort } = options(given, keys);
  return { timeout: duration(milliseconds, 'timeout'), signal: signal(abort) };
}

module.exports = { bytes, callable, choice, count, duration, flags, list, options, parameter,
  rangeError, size, text, typeError, waiting };
