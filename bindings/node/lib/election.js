'use strict';
// Election: one leads, the others wait; once: one does it, the others get the result.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const { Acquisition } = require('./acquisition.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const { Deadline } = require('./deadline.js');
const { readHolder } = require('./holder.js');
const { Leadership, publish } = require('./leadership.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');

const RECORD = structures.syncmgr_record_t;
const { FREE, LEADER, PENDING, RESULT_MAX } = constants;

/** Where the outcome of a campaign that is over at once is written. */
const record = new Uint32Array(RECORD.bytes / 4);
const recordLongs = new BigUint64Array(record.buffer);

/** Where results are written. */
const results = new Uint8Array(RESULT_MAX);

/** Reads the result of an election, or returns null when there is none. */
function resultOf(handle) {
  const status = native.syncmgr_election_result(handle, results, RESULT_MAX, scratch.longs);
  if (check(status) === PENDING) return null;
  return Buffer.from(results.subarray(0, Number(scratch.longs[0])));
}

/** Stands for election in one seat. */
class Candidacy extends Acquisition {
  start(queue, timeout, id) {
    return native.syncmgr_election_campaign_start(this.seat.handle, timeout, queue, id,
      scratch.words, record);
  }

  /** Returns the leadership, or the result, or null when that was forgotten before it was read. */
  granted(status, term = recordLongs[RECORD.value / 8]) {
    if (status === LEADER) return this.lock._lead(this.seat, term);
    this.end();
    return resultOf(this.seat.handle);
  }

  giveBack(status) {
    if (status === LEADER) native.syncmgr_election_resign(this.seat.handle);
  }
}

class Election extends SeatedObject {

  constructor(workstream, shared, name) {
    const open = (owner) => {
      check(native.syncmgr_election_open(owner, name, scratch.words));
      return scratch.handle();
    };
    super(workstream, checked.text(name, 'name'), open);
    this._sit(shared, `election/${name}`, open,
      (seat) => native.syncmgr_election_resign(seat.handle));
  }

  /** Stands for election, and resolves when elected, with a Leadership, which has `leader: true`;
   *  or when there is a result, with { leader: false, result }. A workstream that leads already
   *  gets its leadership. */
  async campaign(given) {
    const { timeout, signal } = checked.waiting(given);
    const deadline = new Deadline(timeout);
    for (;;) {
      signal?.throwIfAborted();
      const candidacy = new Candidacy(this, this._seats.take());
      const outcome = await this.manager._queue().wait(candidacy, deadline.left(), signal);
      if (outcome instanceof Leadership) return outcome;
      // A result that was forgotten meanwhile elects anew.
      if (outcome !== null) return { leader: false, result: outcome };
    }
  }

  /** Ends the election, in which a task of this program leads through this object, or its own
   *  workstream does, by a result for everybody: a string, or bytes. */
  finish(result) {
    const leadership = this.#leadership();
    if (leadership !== undefined) leadership.finish(result);
    else check(publish(this._handle(), result));
  }

  /** Steps down from the same. */
  resign() {
    const leadership = this.#leadership();
    if (leadership !== undefined) leadership.resign();
    else check(native.syncmgr_election_resign(this._handle()));
  }

  /** The result, as a Buffer, or null while there is none. */
  get result() {
    return resultOf(this._handle());
  }

  /** Who leads, or null. Its token is the term. The answer may be old when it arrives. */
  get leader() {
    const status = check(native.syncmgr_election_leader(this._handle(), scratch.longs));
    return status === FREE ? null : readHolder(scratch.bytes, 0);
  }

  /** Forgets the result: the election begins anew. */
  reset() {
    check(native.syncmgr_election_reset(this._handle()));
  }

  /** Takes the leadership away from whoever leads. Returns false when nobody did. */
  forceRelease() {
    return check(native.syncmgr_election_force_release(this._handle())) !== FREE;
  }

  /** A seat was elected: returns its leadership, the one that it has already if it is that. */
  _lead(seat, term) {
    if (seat.state?.term !== term) seat.state = new Leadership(this, seat, term);
    return seat.state;
  }

  /** A seat does not lead any more. */
  _stepDown(seat) {
    seat.state = undefined;
    seat.holds = 0;
    this._seats.put(seat);
  }

  /** A seat was not elected. */
  _vacate(seat) {
    this._seats.put(seat);
  }

  _closeHandle(handle) {
    return native.syncmgr_election_close(handle);
  }

  /** The leadership that is under way through this object. */
  #leadership() {
    this._handle();
    return this._seats.find((seat) => seat.holds > 0)?.state;
  }
}

module.exports = { Election };
