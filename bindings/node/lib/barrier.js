'use strict';
// Barrier: all parties meet, then all go on.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check, closedError, lastError } = require('./errors.js');
const { Party } = require('./party.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');

const FLAGS = { phaser: constants.BARRIER_PHASER };
const OPTIONS_SIZE = structures.syncmgr_barrier_options_t.bytes;
const RECORD = structures.syncmgr_record_t;
const STATE = structures.syncmgr_barrier_info_t;
const { E_ALREADY, LEADER } = constants;

/** Where the outcome of a wait that is over at once is written. */
const record = new Uint32Array(RECORD.bytes / 4);
const recordLongs = new BigUint64Array(record.buffer);

/** Waits at a barrier in one seat. */
class BarrierWait {
  constructor(barrier, seat) {
    this.barrier = barrier;
    this.seat = seat;
    this.party = seat.state;
  }

  start(queue, timeout, id) {
    for (;;) {
      const status = native.syncmgr_barrier_wait_start(this.seat.handle, timeout, queue, id,
        scratch.words, record);
      if (status !== E_ALREADY) return status;
      const other = this.barrier._instead(this.seat);
      if (other === undefined) return status;
      this.seat = other;
    }
  }

  succeed(status, generation = recordLongs[RECORD.value / 8], index = undefined) {
    if (this.seat.closed) throw closedError(this.subject());
    const arrival = index ?? record[RECORD.index / 4];
    return { seat: this.seat, generation: Number(generation), index: arrival,
      leader: status === LEADER };
  }

  /** The others have gone on, this wait cannot be made undone. */
  undo() {
    return false;
  }

  end() {
    this.barrier._vacate(this.seat, this.party);
  }

  subject() {
    return this.barrier._subject();
  }
}

class Barrier extends SeatedObject {
  #shared;
  #action;
  #arrived = []; // seats that were asked to arrive twice, and in which generation

  constructor(workstream, shared, name, parties, given) {
    const { action, ...flags } = checked.options(given, ['action', ...Object.keys(FLAGS)]);
    if (action !== undefined) checked.callable(action, 'action');
    const bits = checked.flags(flags, FLAGS);
    const total = checked.parameter(parties, 'parties');
    // The library can only run C functions, so the leader releases the others from JavaScript.
    const structure = scratch.flagsStructure(OPTIONS_SIZE,
      action === undefined ? bits : bits | constants.BARRIER_LEADER_RELEASES);
    const open = (owner) => {
      check(native.syncmgr_barrier_open(owner, name, total, structure, scratch.words));
      return scratch.handle();
    };
    super(workstream, checked.text(name, 'name'), open);

    this.#action = action;
    this.#shared = shared;
    const key = `barrier/${action === undefined}/${name}`;
    this._sit(shared, key, open, () => {});
  }

  /** Arrives, waits for the others and resolves with { index, generation, leader }: the order of
   *  arrival, how often the barrier had tripped before, and whether this was the last to arrive,
   *  which has run the action. A wait that times out or is aborted breaks the barrier. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._waitIn(this._seats.take(), timeout, signal);
  }

  /** Arrives without waiting and resolves with { generation, leader }. */
  async arrive() {
    return this._arriveIn(this._seats.take());
  }

  /** Joins a phaser: returns the Party, which takes part from the phase under way on. It is a
   *  BusyError while all have arrived and their leader runs the action. */
  join() {
    const seat = this._seats.take();
    const status = native.syncmgr_barrier_join(seat.handle);
    const error = status < 0 ? lastError(status) : undefined;
    if (error === undefined) {
      seat.state = new Party(this, seat);
      return seat.state;
    }
    this._seats.put(seat);
    throw error;
  }

  /** Breaks the barrier: all who wait, and who arrive later, get BrokenBarrierError. */
  abort() {
    check(native.syncmgr_barrier_abort(this._handle()));
  }

  /** Makes the barrier whole and empty again. */
  reset() {
    check(native.syncmgr_barrier_reset(this._handle()));
  }

  /** Returns { generation, parties, arrived, waiting, broken }. */
  state() {
    check(native.syncmgr_barrier_state(this._handle(), scratch.longs));
    return {
      generation: Number(scratch.longs[STATE.generation / 8]),
      parties: scratch.words[STATE.parties / 4],
      arrived: scratch.words[STATE.arrived / 4],
      waiting: scratch.words[STATE.waiting / 4],
      broken: scratch.words[STATE.broken / 4] === 1,
    };
  }

  /** Arrives in a seat and waits for the others. */
  async _waitIn(taken, timeout, signal) {
    const wait = new BarrierWait(this, taken);
    const { party } = wait;
    party?._use();
    const { seat, index, generation, leader } = await this.manager._queue().wait(wait, timeout,
      signal);
    try {
      if (leader) await this.#lead(seat);
    } finally {
      this._vacate(seat, party);
    }
    return { index, generation, leader };
  }

  /** Arrives in a seat without waiting. */
  async _arriveIn(taken) {
    let seat = taken;
    const party = seat.state;
    party?._use();
    let status = native.syncmgr_barrier_arrive(seat.handle, scratch.longs);
    while (status === E_ALREADY) {
      const other = this._instead(seat);
      if (other === undefined) break;
      seat = other;
      status = native.syncmgr_barrier_arrive(seat.handle, scratch.longs);
    }
    if (status < 0) {
      const error = lastError(status);
      this._vacate(seat, party);
      throw error;
    }
    const generation = Number(scratch.longs[0]);
    const leader = status === LEADER;
    try {
      if (leader) await this.#lead(seat);
    } finally {
      this._vacate(seat, party);
    }
    return { generation, leader };
  }

  /** Sets a seat aside that has arrived in this generation, and returns another one. Undefined
   *  for an explicit workstream, and for a party, which arrive once. */
  _instead(seat) {
    if (!this.#shared || seat.state !== undefined) return undefined;
    const { generation } = this.state();
    const past = this.#arrived.filter((arrival) => arrival.generation !== generation);
    this.#arrived = this.#arrived.filter((arrival) => arrival.generation === generation);
    for (const arrival of past) this._seats.put(arrival.seat);
    this.#arrived.push({ seat, generation });
    return this._seats.take();
  }

  /** A seat does not wait any more. That of a party stays its own until that has left. */
  _vacate(seat, party) {
    if (party === undefined || party._rest()) this._seats.put(seat);
  }

  /** A party has left its seat. */
  _dismiss(seat, isWaiting) {
    seat.state = undefined;
    if (!isWaiting) this._seats.put(seat);
  }

  _closeHandle(handle) {
    return native.syncmgr_barrier_close(handle);
  }

  /** The last to arrive runs the action and lets the others go. If the action fails they get
   *  BrokenBarrierError, because what they waited for has not happened. */
  async #lead(seat) {
    if (this.#action === undefined) return;
    try {
      await this.#action();
    } catch (error) {
      if (!seat.closed) native.syncmgr_barrier_abort(seat.handle);
      throw error;
    }
    if (seat.closed) throw closedError(this._subject());
    check(native.syncmgr_barrier_release(seat.handle));
  }
}

module.exports = { Barrier };
