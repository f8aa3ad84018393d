'use strict';
// How entries come from the library: of a store, or as a transaction sees them.

const { constants, structures: layouts } = require('./api.js');
const { rangeFields, readEntry } = require('./entry.js');
const { lastError } = require('./errors.js');
const scratch = require('./scratch.js');
const { emptyStructures, structures, withRoom } = require('./structures.js');

const ENTRY = layouts.syncmgr_entry_t;
const RANGE = layouts.syncmgr_range_t;
const { E_NOT_FOUND, E_TOO_LARGE, OK, RANGE_KEYS } = constants;

/** So many entries of a range are read at first. */
const FEW = 64;

/** Reads the entries of these keys by `call`, which is syncmgr_store_get or one like it: a list
 *  with null in the place of what is not there. */
function readKeys(call, handle, keys) {
  let entries;
  const fields = keys.map((key) => ({ key }));
  const bytes = withRoom((memory) => {
    entries = structures(ENTRY, fields);
    const status = call(handle, entries.memory, keys.length, memory, memory.length, scratch.longs);
    if (status === E_TOO_LARGE) return Number(scratch.longs[0]);
    if (status !== OK && status !== E_NOT_FOUND) throw lastError(status);
    return 0;
  });
  return keys.map((key, index) => (
    entries.status(index, ENTRY.status) === OK ? readEntry(entries, index, bytes, key) : null));
}

/** Reads a range by `call`, which is syncmgr_store_range or one like it: up to `limit` entries, or
 *  only their keys, all of one moment, of which the list has the `revision`; `more` says whether
 *  the limit left some out. */
function readRange(call, handle, wanted, limit = Infinity, keysOnly = false) {
  const fields = { ...rangeFields(wanted), flags: keysOnly ? RANGE_KEYS : 0 };
  const count = new Uint32Array(1);
  let room = Math.min(FEW, limit);
  let entries;
  let range;
  const bytes = withRoom((memory) => {
    range = structures(RANGE, [fields]);
    entries = emptyStructures(ENTRY, room);
    count[0] = room;
    const status = call(handle, range.memory, entries.memory, count, memory, memory.length);
    // Not one had room.
    if (status === E_TOO_LARGE) return Math.max(range.size(0, RANGE.length), 1);
    if (status !== OK) throw lastError(status);
    if (range.word(0, RANGE.more) === 0 || count[0] === limit) return 0;
    room = Math.min(room * 4, limit);
    return memory.length * 4;
  });
  const list = Array.from({ length: count[0] }, (_, index) => (
    keysOnly ? entries.text(index, ENTRY.key, bytes) : readEntry(entries, index, bytes)));
  return Object.assign(list, {
    revision: range.long(0, RANGE.revision), more: range.word(0, RANGE.more) !== 0,
  });
}

module.exports = { readKeys, readRange };
