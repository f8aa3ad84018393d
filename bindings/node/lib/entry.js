'use strict';
// The entries of a store, and the patterns that choose some of them.

const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { decode } = require('./cell.js');

const ENTRY = layouts.syncmgr_entry_t;

/** Reads an entry that is there, of which the library has written the parts into `bytes`. */
function readEntry(entries, index, bytes, key = entries.text(index, ENTRY.key, bytes)) {
  const { value, type, version } = decode(entries.word(index, ENTRY.type),
    entries.bytes(index, ENTRY.data, bytes), entries.long(index, ENTRY.version));
  return {
    key,
    value,
    type,
    version,
    revision: entries.long(index, ENTRY.revision),
    writer: entries.text(index, ENTRY.writer, bytes) ?? '',
    writerId: entries.long(index, ENTRY.writer_id),
    wallNs: BigInt.asIntN(64, entries.long(index, ENTRY.wall_ns)),
  };
}

/** Reads a change: to what, or that the key was deleted, or that it was changed again before. */
function readChange(entries, index, bytes) {
  const status = entries.status(index, ENTRY.status);
  if (status === constants.OK) return { kind: 'put', ...readEntry(entries, index, bytes) };
  return {
    kind: status === constants.E_NOT_FOUND ? 'delete' : 'superseded',
    key: entries.text(index, ENTRY.key, bytes),
    version: entries.long(index, ENTRY.version),
    revision: entries.long(index, ENTRY.revision),
    writer: entries.text(index, ENTRY.writer, bytes) ?? '',
    writerId: entries.long(index, ENTRY.writer_id),
    wallNs: BigInt.asIntN(64, entries.long(index, ENTRY.wall_ns)),
  };
}

/** Reads `{ prefix, glob, after }`: as fields of the library's structure. */
function rangeFields({ prefix, glob, after }) {
  const pattern = (value, what) => (value === undefined ? null : checked.text(value, what));
  return {
    prefix: pattern(prefix, 'prefix'), glob: pattern(glob, 'glob'), after: pattern(after, 'after'),
  };
}

/** Returns a function that says whether a key is like the pattern, as the library sees it: '*' is
 *  any text without '/', '**' any text, '?' one character other than '/'. */
function matcher(pattern) {
  const source = checked.text(pattern, 'pattern').replace(/\*{2,}|[\s\S]/gu, (part) => {
    if (part.startsWith('**')) return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : part.replace(/[\\^$.+()[\]{}|]/, '\\$&');
  });
  const expression = new RegExp(`^${source}$`, 'su');
  return (key) => expression.test(key);
}

module.exports = { matcher, rangeFields, readChange, readEntry };
