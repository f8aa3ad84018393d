'use strict';
// How a transaction is begun, and how it is with it.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const { jsonText, namesText } = require('./messages.js');
const { structures } = require('./structures.js');

const INFO = layouts.syncmgr_transaction_info_t;
const OPTIONS = layouts.syncmgr_transaction_options_t;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const ISOLATIONS = ['serializable', 'repeatable_read', 'read_committed'];
const STATUSES = ['pending', 'active', 'committing', 'committed', 'rolling_back', 'rolled_back',
  'failed', 'timed_out'];
const FLAGS = {
  readOnly: constants.TRANSACTION_READ_ONLY,
  strict: constants.TRANSACTION_STRICT,
  optimistic: constants.TRANSACTION_OPTIMISTIC,
};
const BEGIN_KEYS = [...Object.keys(FLAGS), 'isolation', 'priority', 'timeout', 'operationTimeout',
  'workstreams', 'metadata'];

/** Makes the options structure of a transaction. */
function optionsOf(given) {
  const { isolation = 'serializable', priority = 0 } = given;
  if (!Number.isInteger(priority) || priority !== (priority | 0)) {
    throw checked.rangeError(`priority must be a whole number of 32 bits, not ${priority}`);
  }
  return structures(OPTIONS, [{
    flags: checked.flags(given, FLAGS),
    isolation: ISOLATIONS.indexOf(checked.choice(isolation, 'isolation', ISOLATIONS)),
    priority,
    timeout_ns: BigInt(checked.duration(given.timeout, 'timeout')),
    operation_timeout_ns: BigInt(checked.duration(given.operationTimeout, 'operationTimeout')),
    workstreams: namesText(given.workstreams),
    metadata: jsonText(given.metadata, 'what the metadata are'),
  }]);
}

/** Reads how it is with a transaction. */
function readInfo(handle) {
  const view = new DataView(new ArrayBuffer(INFO.bytes));
  check(native.syncmgr_transaction_info(handle, new Uint8Array(view.buffer)));
  const word = (field) => view.getUint32(field, true);
  const bits = word(INFO.flags);
  const remaining = view.getBigInt64(INFO.remaining_ns, true);
  return {
    id: Number(view.getBigUint64(INFO.id, true)),
    status: STATUSES[word(INFO.status)],
    isolation: ISOLATIONS[word(INFO.isolation)],
    flags: Object.fromEntries(Object.keys(FLAGS).map((flag) => [flag, (bits & FLAGS[flag]) !== 0])),
    operations: word(INFO.operations),
    executed: word(INFO.executed),
    reads: word(INFO.reads),
    writes: word(INFO.writes),
    locks: word(INFO.locks),
    isPart: word(INFO.is_part) !== 0,
    outcome: view.getInt32(INFO.outcome, true),
    revision: view.getBigUint64(INFO.revision, true),
    began: Number(view.getBigInt64(INFO.began_ns, true)) / NANOSECONDS_PER_MILLISECOND,
    remaining: remaining < 0n ? Infinity : Number(remaining) / NANOSECONDS_PER_MILLISECOND,
  };
}

module.exports = { BEGIN_KEYS, STATUSES, optionsOf, readInfo };
