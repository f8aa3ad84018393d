'use strict';
// Deadlocks: how they are looked for, what was found, and what is done so that none happens.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const RECORD = structures.syncmgr_deadlock_t;
const MEMBER = structures.syncmgr_deadlock_member_t;
const OPTIONS = structures.syncmgr_deadlock_options_t;
const PREVENTION = structures.syncmgr_prevention_options_t;
const RECORDS = 64;

const ALGORITHMS = {
  waitForGraph: constants.DETECT_WAIT_FOR_GRAPH,
  resourceAllocationGraph: constants.DETECT_RESOURCE_ALLOCATION,
  bankerAlgorithm: constants.DETECT_BANKER,
  timeoutBased: constants.DETECT_TIMEOUT,
};
const VICTIMS = {
  youngest: constants.VICTIM_YOUNGEST,
  oldest: constants.VICTIM_OLDEST,
  lowestPriority: constants.VICTIM_LOWEST_PRIORITY,
  fewestLocks: constants.VICTIM_FEWEST_LOCKS,
  requester: constants.VICTIM_REQUESTER,
};
const STRATEGIES = {
  nothing: constants.PREVENT_NOTHING,
  ranks: constants.PREVENT_RANKS,
  waitDie: constants.PREVENT_WAIT_DIE,
  woundWait: constants.PREVENT_WOUND_WAIT,
  timeout: constants.PREVENT_TIMEOUT,
  avoidance: constants.PREVENT_AVOIDANCE,
};
const KINDS = {
  actual: constants.DEADLOCK_ACTUAL,
  possible: constants.DEADLOCK_POSSIBLE,
  unsafe: constants.DEADLOCK_UNSAFE,
};
const RESOLUTIONS = {
  victim: constants.RESOLUTION_VICTIM,
  byHand: constants.RESOLUTION_BY_HAND,
  ended: constants.RESOLUTION_ENDED,
};
const RELATIONS = {
  held: constants.RELATION_HELD,
  behind: constants.RELATION_BEHIND,
  took: constants.RELATION_TOOK,
  mayAsk: constants.RELATION_MAY_ASK,
  absent: constants.RELATION_ABSENT,
};

/** Returns the number of a word. */
function chosen(word, words, what) {
  if (Object.hasOwn(words, word)) return words[word];
  throw checked.rangeError(`${what} must be one of: ${Object.keys(words).join(', ')}`);
}

function wordOf(number, words) {
  return Object.keys(words).find((word) => words[word] === number) ?? null;
}

/** Returns the deadlock of that id in words, empty when its record is gone. */
function words(manager, id) {
  const status = native.syncmgr_deadlock_text(manager, id, null, 0, scratch.longs);
  if (status !== constants.OK) return '';
  const bytes = new Uint8Array(Number(scratch.longs[0]) + 1);
  native.syncmgr_deadlock_text(manager, id, bytes, bytes.length, scratch.longs);
  return scratch.text(bytes, 0, bytes.length);
}

function members(manager, id) {
  const bytes = new Uint8Array(RECORDS * MEMBER.bytes);
  const status = native.syncmgr_deadlock_members(manager, id, bytes, RECORDS, scratch.words);
  // It was cleared, or made room for another, just now.
  if (status === constants.E_NOT_FOUND) return [];
  check(status);
  const count = scratch.words[0];
  return Array.from({ length: count }, (_, index) => {
    const base = index * MEMBER.bytes;
    const view = new DataView(bytes.buffer, base, MEMBER.bytes);
    const name = (field) => scratch.text(bytes, base + MEMBER[field], 256);
    return {
      name: name('name'),
      pid: view.getInt32(MEMBER.pid, true),
      workstream: view.getBigUint64(MEMBER.workstream, true),
      object: name('object'),
      relation: wordOf(view.getUint32(MEMBER.relation, true), RELATIONS),
      other: name('other'),
      holder: view.getBigUint64(MEMBER.holder, true),
      holderPid: view.getInt32(MEMBER.holder_pid, true),
    };
  });
}

/** Milliseconds since 1970, or null for 0. */
function date(nanoseconds) {
  return nanoseconds === 0n ? null : Number(nanoseconds / 1000n) / 1000;
}

function list(manager) {
  const bytes = new Uint8Array(RECORDS * RECORD.bytes);
  check(native.syncmgr_deadlock_list(manager, bytes, RECORDS, scratch.words));
  return Array.from({ length: scratch.words[0] }, (_, index) => {
    const view = new DataView(bytes.buffer, index * RECORD.bytes, RECORD.bytes);
    const id = view.getBigUint64(RECORD.id, true);
    return {
      id,
      kind: wordOf(view.getUint32(RECORD.kind, true), KINDS),
      algorithm: wordOf(view.getUint32(RECORD.algorithm, true), ALGORITHMS),
      policy: wordOf(view.getUint32(RECORD.policy, true), VICTIMS),
      found: date(view.getBigInt64(RECORD.found_ns, true)),
      resolved: date(view.getBigInt64(RECORD.resolved_ns, true)),
      resolution: wordOf(view.getUint32(RECORD.resolution, true), RESOLUTIONS),
      victim: view.getBigUint64(RECORD.victim, true),
      workstreams: view.getUint32(RECORD.workstreams, true),
      members: members(manager, id),
      text: words(manager, id),
    };
  });
}

function detect(manager, algorithm = 'waitForGraph') {
  const number = chosen(algorithm, ALGORITHMS, 'algorithm');
  check(native.syncmgr_deadlock_detect(manager, number, scratch.words));
  return scratch.words[0];
}

function resolve(manager, id, victim = 'youngest') {
  if (typeof id !== 'bigint') throw checked.typeError('the id must be a BigInt');
  check(native.syncmgr_deadlock_resolve(manager, id, chosen(victim, VICTIMS, 'victim')));
}

function clear(manager) {
  check(native.syncmgr_deadlock_clear(manager, scratch.words));
  return scratch.words[0];
}

/** Makes an options structure: numbers at the offsets of 32 bits, times at those of 64. */
function structure(layout, numbers, times) {
  const view = new DataView(new ArrayBuffer(layout.bytes));
  for (const [field, value] of Object.entries(numbers)) {
    view.setUint32(layout[field], value, true);
  }
  for (const [field, milliseconds] of Object.entries(times)) {
    view.setBigInt64(layout[field], BigInt(checked.duration(milliseconds, field)), true);
  }
  return new Uint8Array(view.buffer);
}

function configure(manager, given) {
  const values = checked.options(given, ['autoResolve', 'victim', 'delay', 'interval', 'limit']);
  const { autoResolve = true, victim = 'youngest' } = values;
  const flags = checked.flags({ autoResolve }, { autoResolve: constants.DEADLOCK_AUTO_RESOLVE });
  check(native.syncmgr_deadlock_configure(manager, structure(OPTIONS, {
    flags, victim: chosen(victim, VICTIMS, 'victim'),
  }, {
    delay_ns: values.delay ?? 20, interval_ns: values.interval ?? 5000,
    limit_ns: values.limit ?? 30000,
  })));
}

function prevent(manager, strategy, given) {
  const values = checked.options(given, ['watchOrder', 'grace', 'timeout']);
  const flags = checked.flags(values, { watchOrder: constants.PREVENTION_WATCH_ORDER });
  check(native.syncmgr_prevention_configure(manager, structure(PREVENTION, {
    flags, strategy: chosen(strategy, STRATEGIES, 'strategy'),
  }, { grace_ns: values.grace ?? 100, timeout_ns: values.timeout ?? 30000 })));
}

module.exports = { clear, configure, detect, list, prevent, resolve, words };
