'use strict';
// Memory into which the library writes the outputs of a call.
//
// There is one for all calls: an output is read before the next call is made, and nothing else
// runs in between on this thread.

const buffer = new ArrayBuffer(320);

const words = new Uint32Array(buffer);
const longs = new BigUint64Array(buffer);
const bytes = new Uint8Array(buffer);

/** Returns the handle that was written. Handles are numbers below 2^53. */
function handle() {
  return words[0] + words[1] * 2 ** 32;
}

/** Reads UTF-8 up to the terminating zero. */
function text(source, start, capacity) {
  let end = start;
  while (end < start + capacity && source[end] !== 0) end += 1;
  return Buffer.from(source.buffer, source.byteOffset + start, end - start).toString('utf8');
}

/** Makes an options structure of the library that only has flags. Its size is set by the addon. */
function flagsStructure(size, flags) {
  const structure = new Uint32Array(size / 4);
  structure[1] = flags;
  return structure;
}

module.exports = { words, longs, bytes, handle, text, flagsStructure };
