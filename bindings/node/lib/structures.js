'use strict';
// Structures of the library that have pointers: what these point to lies behind them in the same
// memory, and JavaScript has its place instead. See the word `r` in native/signature.h.

/** What is small lies in memory that is used again: nothing else runs until the call is over. Its
 *  last byte stays zero. There are two for what a call reads, one for what it writes, and one for
 *  what that points to. */
const SMALL = 4096;
const MANY = 8192;
const pool = (size) => {
  const memory = Buffer.from(new ArrayBuffer(size));
  return { memory, view: new DataView(memory.buffer) };
};
const given = [pool(SMALL), pool(SMALL)];
let turn = 0;
const results = pool(MANY);
const smallBytes = pool(SMALL).memory;

/** No place: the pointer was NULL. */
const NOWHERE = 0xffff_ffff;

/** How many bytes a value takes behind the structures, at most. */
function roomOf(value) {
  if (typeof value === 'string') return value.length * 3 + 1;
  return value instanceof Uint8Array ? value.length : 0;
}

/** Structures of one kind, all zero at first. They are good until the next call of the library. */
class Structures {
  /** `room` is for what they point to, in bytes. */
  constructor(layout, count, room, small) {
    this.layout = layout;
    this.count = count;
    this.end = count * layout.bytes;
    const size = this.end + room + 1;
    const { memory, view } = size <= small.memory.length ? small : pool(size);
    this.memory = memory;
    this.view = view;
    this.memory.fill(0, 0, this.end);
  }

  /** Writes a text, null for none. */
  setText(index, field, text) {
    if (text === null || text === undefined) return;
    this.#point(index, field);
    this.end += this.memory.write(text, this.end);
    this.memory[this.end++] = 0;
  }

  /** Writes bytes and how many they are, null for none. */
  setBytes(index, field, bytes) {
    if (bytes === null || bytes === undefined) return;
    this.#point(index, field);
    this.view.setUint32(index * this.layout.bytes + field + 8, bytes.length, true);
    this.memory.set(bytes, this.end);
    this.end += bytes.length;
  }

  setWord(index, field, value) {
    this.view.setUint32(index * this.layout.bytes + field, value, true);
  }

  setLong(index, field, value) {
    this.view.setBigUint64(index * this.layout.bytes + field, BigInt.asUintN(64, value), true);
  }

  word(index, field) {
    return this.view.getUint32(index * this.layout.bytes + field, true);
  }

  status(index, field) {
    return this.view.getInt32(index * this.layout.bytes + field, true);
  }

  long(index, field) {
    return this.view.getBigUint64(index * this.layout.bytes + field, true);
  }

  /** Returns a size, which is below 2^53. */
  size(index, field) {
    const base = index * this.layout.bytes + field;
    return this.view.getUint32(base, true) + this.view.getUint32(base + 4, true) * 2 ** 32;
  }

  /** Whether a pointer points to something. */
  isThere(index, field) {
    return this.word(index, field + 4) !== NOWHERE;
  }

  /** Reads a text that the library has written into `bytes`; null for none. */
  text(index, field, bytes) {
    if (!this.isThere(index, field)) return null;
    const start = this.size(index, field);
    return bytes.toString('utf8', start, bytes.indexOf(0, start));
  }

  /** Returns the bytes that the library has written into `bytes`: not a copy. Null for none. */
  bytes(index, field, bytes) {
    if (!this.isThere(index, field)) return null;
    const start = this.size(index, field);
    return bytes.subarray(start, start + this.size(index, field + 8));
  }

  #point(index, field) {
    this.view.setUint32(index * this.layout.bytes + field, this.end, true);
  }
}

/** Makes structures out of objects, by the names of the fields: texts, bytes, Numbers for 32 bits
 *  and BigInts for 64. What is undefined or null stays zero. */
function structures(layout, list) {
  let room = 0;
  for (const fields of list) for (const name in fields) room += roomOf(fields[name]);
  turn = 1 - turn;
  const result = new Structures(layout, list.length, room, given[turn]);
  for (let index = 0; index < list.length; index++) {
    const fields = list[index];
    for (const name in fields) {
      const value = fields[name];
      const field = layout[name];
      if (typeof value === 'string') result.setText(index, field, value);
      else if (typeof value === 'number') result.setWord(index, field, value);
      else if (typeof value === 'bigint') result.setLong(index, field, value);
      else result.setBytes(index, field, value);
    }
  }
  return result;
}

/** Calls `call(bytes)` with memory for what the library writes, and as long as that returns how
 *  much it needs, again with more: until then what is there may have grown. Returns the memory,
 *  which is good until the next call. */
function withRoom(call) {
  let bytes = smallBytes;
  for (;;) {
    const needed = call(bytes);
    if (needed === 0) return bytes;
    bytes = Buffer.from(new ArrayBuffer(Math.max(needed, bytes.length * 2)));
  }
}

/** Makes structures for the library to write. */
function emptyStructures(layout, count) {
  return new Structures(layout, count, 0, results);
}

module.exports = { emptyStructures, structures, withRoom };
