'use strict';
// Sync point: named workstreams meet once, all of them or enough of them.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { SyncPointFailedError, check } = require('./errors.js');
const { SyncObject } = require('./object.js');
const scratch = require('./scratch.js');

const FLAGS = {
  continueOnTimeout: constants.SYNC_CONTINUE_ON_TIMEOUT,
  continueOnFailure: constants.SYNC_CONTINUE_ON_FAILURE,
  waitForAll: constants.SYNC_WAIT_FOR_ALL,
};
const KEYS = [...Object.keys(FLAGS), 'minimum', 'required', 'timeout'];
const OPTIONS = structures.syncmgr_sync_point_options_t;
const RESULT = structures.syncmgr_sync_result_t;
const MEMBER = structures.syncmgr_sync_member_t;
const { ANY, E_FAILED, E_LATE, E_TIMEOUT, FINISHED } = constants;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
/** Keeps 2/3 of 3 from being more than 2. */
const ROUNDING = 1e-9;

const STATUSES = new Map([
  [constants.SYNC_WAITING, 'waiting'],
  [constants.SYNC_PARTIAL_COMPLETE, 'partial_complete'],
  [constants.SYNC_COMPLETE, 'complete'],
  [constants.SYNC_FAILED, 'failed'],
  [constants.SYNC_TIMED_OUT, 'timed_out'],
]);

/** Returns the names in the form in which the library takes them. */
function joined(given, what) {
  if (typeof given === 'string' || typeof given?.[Symbol.iterator] !== 'function') {
    throw checked.typeError(`${what} must be names of workstreams`);
  }
  const names = [...given].map((name) => checked.text(name, 'the name of a workstream'));
  const bad = names.find((name) => name === '' || name.includes('/'));
  if (bad !== undefined) throw checked.rangeError(`"${bad}" is no name of a workstream`);
  return names;
}

/** Returns how many suffice: a number, a fraction below 1, or a function of how many there are. */
function minimumOf(given, total) {
  if (given === undefined) return ANY;
  const minimum = typeof given === 'function' ? given(total) : given;
  if (typeof minimum !== 'number') throw checked.typeError('minimum must be a number');
  const count = minimum > 0 && minimum < 1 ? Math.ceil(minimum * total - ROUNDING) : minimum;
  if (Number.isInteger(count) && count >= 1 && count <= total) return count;
  throw checked.rangeError(
    `minimum must be 1 to ${total}, or a fraction between 0 and 1, not ${minimum}`);
}

/** Returns the two strings and the structure that a sync point is opened with. */
function parameters(expected, given) {
  const values = checked.options(given, KEYS);
  if (expected === undefined || expected === null) {
    if (given !== undefined && Object.keys(given).length > 0) {
      throw checked.typeError('without those expected a sync point is opened as it is');
    }
    return [null, null, null];
  }
  const names = joined(expected, 'expected');
  if (names.length === 0) throw checked.rangeError('nobody is expected');
  const required = joined(values.required ?? [], 'required');
  const structure = new Uint32Array(OPTIONS.bytes / 4);
  structure[OPTIONS.flags / 4] = checked.flags(values, FLAGS);
  structure[OPTIONS.minimum / 4] = minimumOf(values.minimum, names.length);
  new BigInt64Array(structure.buffer)[OPTIONS.timeout_ns / 8] =
    BigInt(checked.duration(values.timeout, 'timeout'));
  return [names.join('/'), required.length === 0 ? null : required.join('/'), structure];
}

/** Waits until a sync point ends. Nothing is granted, so nothing can be lost. */
class SyncPointWait {
  constructor(point) {
    this.point = point;
  }

  start(queue, timeout, id) {
    return native.syncmgr_sync_point_wait_start(this.point._handle(), timeout, queue, id,
      scratch.words, null);
  }

  succeed() {}

  /** The point has ended: that is the outcome, also for who does not want to wait any more. */
  undo() {
    return false;
  }

  end() {}

  subject() {
    return this.point._subject();
  }
}

class SyncPoint extends SyncObject {
  constructor(workstream, shared, name, expected, given) {
    const [names, required, structure] = parameters(expected, given);
    super(workstream, checked.text(name, 'name'), (owner) => {
      check(native.syncmgr_sync_point_open(owner, name, names, required, structure,
        scratch.words));
      return scratch.handle();
    });
    workstream._add(this);
  }

  /** Arrives, and resolves with the result when the point is complete, wholly or partly. Otherwise
   *  it rejects, with the result as `result` of the error. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    try {
      await this.manager._queue().wait(new SyncPointWait(this), timeout, signal);
    } catch (cause) {
      const error = cause?.status === E_FAILED ? new SyncPointFailedError(cause.message) : cause;
      const hasResult = [E_TIMEOUT, E_FAILED, E_LATE].includes(error?.status);
      if (hasResult && !this.closed) error.result = this.result;
      throw error;
    }
    return this.result;
  }

  /** Ends it as partial_complete with those who are there. Returns false when it had ended. */
  forceComplete() {
    return check(native.syncmgr_sync_point_force_complete(this._handle())) !== FINISHED;
  }

  /** Ends it as failed, for `reason`. Returns false when it had ended. */
  cancel(reason) {
    const text = reason === undefined ? null : checked.text(reason, 'reason');
    return check(native.syncmgr_sync_point_cancel(this._handle(), text)) !== FINISHED;
  }

  /** Says that this workstream failed, as if its process had died. Returns false when the point had
   *  ended. */
  fail(reason) {
    const text = reason === undefined ? null : checked.text(reason, 'reason');
    return check(native.syncmgr_sync_point_fail(this._handle(), text)) !== FINISHED;
  }

  /** The result; while the point waits, how it stands. */
  get result() {
    for (let raw = this.#read(); ;) {
      const members = this.#members();
      // What was read in two steps belongs together when nothing changed meanwhile.
      const again = this.#read();
      if (Buffer.compare(raw, again) === 0) return resultOf(raw, members);
      raw = again;
    }
  }

  /** The names of all who are expected. */
  get expected() {
    return this.#members().map(({ name }) => name);
  }

  /** The names of those without whom it cannot succeed. */
  get required() {
    return namesOf(this.#members(), constants.SYNC_REQUIRED);
  }

  #read() {
    const bytes = Buffer.from(new ArrayBuffer(RESULT.bytes));
    check(native.syncmgr_sync_point_result(this._handle(), bytes));
    return bytes;
  }

  #members() {
    const handle = this._handle();
    check(native.syncmgr_sync_point_members(handle, null, 0, scratch.words));
    // They never change in number.
    const count = scratch.words[0];
    const bytes = new Uint8Array(count * MEMBER.bytes);
    check(native.syncmgr_sync_point_members(handle, bytes, count, scratch.words));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: count }, (_, index) => {
      const base = index * MEMBER.bytes;
      return {
        name: scratch.text(bytes, base + MEMBER.name, MEMBER.bytes - MEMBER.name),
        flags: view.getUint32(base + MEMBER.flags, true),
        order: view.getUint32(base + MEMBER.order, true),
      };
    });
  }

  _closeHandle(handle) {
    return native.syncmgr_sync_point_close(handle);
  }
}

function namesOf(members, flag) {
  return members.filter(({ flags }) => (flags & flag) !== 0).map(({ name }) => name);
}

function resultOf(raw, members) {
  const endedAt = raw.readBigInt64LE(RESULT.completed_at);
  const there = members.filter(({ flags }) => (flags & constants.SYNC_ARRIVED) !== 0);
  return {
    status: STATUSES.get(raw.readUInt32LE(RESULT.status)) ?? 'failed',
    metMinimum: raw.readUInt32LE(RESULT.met_minimum) !== 0,
    requiredMet: raw.readUInt32LE(RESULT.required_met) !== 0,
    minimum: raw.readUInt32LE(RESULT.minimum),
    participating: there.sort((one, other) => one.order - other.order).map(({ name }) => name),
    missing: members.filter(({ flags }) => (flags & constants.SYNC_ARRIVED) === 0)
      .map(({ name }) => name),
    failed: namesOf(members, constants.SYNC_MEMBER_FAILED),
    late: namesOf(members, constants.SYNC_LATE),
    completedAt: endedAt === 0n ? null : new Date(Number(endedAt / NANOSECONDS_PER_MILLISECOND)),
    reason: scratch.text(raw, RESULT.reason, RESULT.bytes - RESULT.reason),
  };
}

module.exports = { SyncPoint };
