'use strict';
// The values of cells: what JavaScript has for the bytes of each type.

const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { jsonText } = require('./messages.js');

const TYPES = {
  bytes: constants.CELL_BYTES,
  int64: constants.CELL_INT64,
  float64: constants.CELL_FLOAT64,
  text: constants.CELL_TEXT,
  json: constants.CELL_JSON,
};
const ANY_VERSION = BigInt.asUintN(64, BigInt(constants.VERSION_ANY));
const NAMES = new Map(Object.entries(TYPES).map(([name, type]) => [type, name]));

/** Returns a version as the library takes it. */
function versionOf(value, what) {
  if (typeof value === 'bigint' ? value === BigInt.asUintN(64, value)
    : Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  throw checked.rangeError(`${what} must be a version, not ${String(value)}`);
}

/** Returns the version that something must have: whatever it has when that is left out. */
function expectedOf(value) {
  return value === undefined ? ANY_VERSION : versionOf(value, 'expected');
}

/** Writes a number of eight bytes. */
function eightBytes(write) {
  const bytes = Buffer.alloc(8);
  write(bytes);
  return bytes;
}

/** How the value of each type is written. */
const writers = {
  bytes: (value) => checked.bytes(value, 'the value'),
  text: (value) => {
    if (typeof value !== 'string') throw checked.typeError('the value must be a string');
    return Buffer.from(value);
  },
  int64: (value) => {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
      throw checked.typeError('the value must be a whole Number or a BigInt');
    }
    const number = BigInt(value);
    if (number === BigInt.asIntN(64, number)) return eightBytes((b) => b.writeBigInt64LE(number));
    throw checked.rangeError(`the value must have 64 bits, not ${value}`);
  },
  float64: (value) => {
    if (typeof value !== 'number') throw checked.typeError('the value must be a Number');
    return eightBytes((bytes) => bytes.writeDoubleLE(value));
  },
  json: (value) => Buffer.from(value === null ? 'null' : jsonText(value, 'the value')),
};

/** How the bytes of each type are read; they lie in memory that is used again. */
const readers = {
  bytes: (bytes) => Buffer.from(bytes),
  text: (bytes) => bytes.toString('utf8'),
  int64: (bytes) => bytes.readBigInt64LE(),
  float64: (bytes) => bytes.readDoubleLE(),
  json: (bytes) => JSON.parse(bytes.toString('utf8')),
};

/** The type that suits a value. */
function typeFor(value) {
  if (value === undefined) throw checked.typeError('there is no value');
  if (typeof value === 'string') return 'text';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'number') return 'float64';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return 'bytes';
  return 'json';
}

/** Returns the number of a value's type, and its bytes. */
function encode(value, wanted) {
  if (value === undefined) typeFor(value);
  const name = wanted === undefined ? typeFor(value)
    : checked.choice(wanted, 'type', Object.keys(TYPES));
  return { type: TYPES[name], bytes: writers[name](value) };
}

/** Returns what JavaScript has for a cell. */
function decode(type, bytes, version) {
  const name = NAMES.get(type) ?? 'bytes';
  return { value: readers[name](bytes), type: name, version };
}

/** Returns the value that bytes are, of a type by its name. */
function valueOf(name, bytes) {
  return readers[name](bytes);
}

module.exports = { decode, encode, expectedOf, valueOf, versionOf };
