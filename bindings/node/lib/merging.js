'use strict';
// Merging: a value is put into the store, and with what somebody else has put there meanwhile.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { versionOf } = require('./cell.js');
const { SEVERITIES } = require('./conflicts.js');
const { parse, stringify } = require('./document.js');
const { check } = require('./errors.js');
const { strategyOf } = require('./resolving.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');

const CHANGE = layouts.syncmgr_change_t;
const OPTIONS = layouts.syncmgr_merge_options_t;
const KEYS = ['expected', 'base', 'strategy', 'severity', 'id', 'queued', 'timeout', 'signal'];
const { CELL_JSON, E_OVERFLOW, PARTIAL, PUT_QUEUED } = constants;

/** Puts what JSON can say, or without a value deletes. When the key has another version than the
 *  one expected, that is a conflict, decided by the strategy. Resolves with what there is then. */
async function merge(store, key, value, given) {
  const { expected, base, strategy = 'merge', severity = 'low', id, ...rest } =
    checked.options(given, KEYS);
  const { isQueued, timeout, signal } = store._writing(rest);
  if (expected === undefined) throw checked.typeError('merge() needs the version expected');
  const data = value === undefined ? null : Buffer.from(stringify(value, 'the value'));
  const change = {
    key: checked.text(key, 'key'), data, type: CELL_JSON, expected: versionOf(expected, 'expected'),
  };
  const options = {
    flags: PUT_QUEUED,
    strategy: strategyOf(strategy),
    severity: SEVERITIES.indexOf(checked.choice(severity, 'severity', SEVERITIES)),
    base: base === undefined ? null : stringify(base, 'the base'),
    id: id === undefined ? null : checked.text(id, 'id'),
  };
  await store._validated([{ key, value }]);
  const there = store._lengthOf(key);
  // What is discarded is said by its pieces, and each with where it was.
  const room = 65_536 + 16 * (there + (data?.length ?? 0));
  const buffer = Buffer.from(new ArrayBuffer(room));
  const status = native.syncmgr_store_merge(store._handle(), structures(CHANGE, [change]).memory,
    structures(OPTIONS, [options]).memory, buffer, room, scratch.longs);
  const length = Number(scratch.longs[0]);
  if (status !== E_OVERFLOW) check(status);
  if (!isQueued) await store._landed(undefined, timeout, signal);
  if (status !== E_OVERFLOW) {
    const { version, ...result } = parse(buffer.toString('utf8', 0, length));
    return { version: BigInt(version), ...result, open: status === PARTIAL };
  }
  // It was done; what there was no room for is in the conflict.
  const conflict = store.conflicts.list({ type: 'data_conflict' })
    .findLast((other) => other.key === key);
  const entry = store.get(key);
  return { version: entry?.version ?? 0n, conflict: conflict?.id, ...conflict?.result,
    open: conflict?.result === undefined };
}

module.exports = { merge };
