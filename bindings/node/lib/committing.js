'use strict';
// Commits: several changes of a store, all or none.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { encode, expectedOf, versionOf } = require('./cell.js');
const { check, lastError } = require('./errors.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');

const CHANGE = layouts.syncmgr_change_t;
const { CHANGE_CHECK, E_CHANGED, PUT_QUEUED } = constants;

/** Returns a change as the library's structure has it. */
function changeFields(given) {
  const change = checked.options(given, ['key', 'value', 'type', 'expected', 'delete', 'check']);
  const key = checked.text(change.key, 'key');
  if (change.check !== undefined) {
    return { key, expected: versionOf(change.check, 'check'), flags: CHANGE_CHECK };
  }
  const expected = expectedOf(change.expected);
  if (checked.flags({ delete: change.delete }, { delete: 1 }) !== 0) return { key, expected };
  const { type, bytes } = encode(change.value, change.type);
  return { key, data: bytes, type, expected };
}

/** The error of a change that came too late: it has the version that the key has now. */
function changedError(key, version) {
  return Object.assign(lastError(E_CHANGED), { key, version });
}

/** Makes changes, in memory. Returns the revision and the versions. */
function commit(handle, list) {
  const changes = structures(CHANGE, list);
  const status = native.syncmgr_store_commit(handle, changes.memory, list.length,
    PUT_QUEUED, scratch.longs);
  const versionAt = (index) => changes.long(index, CHANGE.version);
  if (status === E_CHANGED) {
    const index = list.findIndex(({ expected }, place) => (
      expected !== expectedOf(undefined) && expected !== versionAt(place)));
    throw changedError(list[index]?.key, index < 0 ? undefined : versionAt(index));
  }
  check(status);
  const revision = scratch.longs[0];
  return { revision, versions: new Map(list.map(({ key }, index) => [key, versionAt(index)])) };
}

module.exports = { changeFields, changedError, commit };
