'use strict';
// Who owns what an object hands out: the seats of an object.
//
// The library knows owners as workstreams. An object of an explicit workstream has one seat, and
// everything taken through it belongs to that workstream. An object of a manager is shared by all
// the tasks of this program, which exclude each other: each acquisition takes a seat of its own,
// a workstream that nobody else uses until it is given back. Waiting tasks thus stand in the
// library's line, beside those of other processes.

const { native } = require('./loader.js');
const { check, closedError } = require('./errors.js');
const scratch = require('./scratch.js');

/** So many idle seats are kept; more are closed when they have been idle for a while. */
const KEPT = 64;
const TRIM_DELAY = 500;
const TRIM_COUNT = 256;

/** One owner's handle of an object. */
class Seat {
  constructor(workstream, handle, mine) {
    this.workstream = workstream;
    this.handle = handle;
    this.mine = mine; // what the fast path writes for this owner, 0 for none
    this.holds = 0;   // how many locks or permits it holds
    this.closed = false;
    this.busy = false;         // whether what it holds is under way to something else
    this.regained = undefined; // how a mutex was locked again after the last wait at a condition
    this.state = undefined;    // what the object itself keeps about this owner
  }
}

/** The single seat of an object that belongs to an explicit workstream. */
class OwnSeat {
  #seat;
  #subject;
  #release;

  /** `release(seat)` gives back what the seat holds. */
  constructor(handle, mine, subject, release) {
    this.#seat = new Seat(0, handle, mine);
    this.#subject = subject;
    this.#release = release;
  }

  take() {
    if (this.#seat.closed) throw closedError(this.#subject());
    return this.#seat;
  }

  put() {}

  holds() {
    return this.#seat.holds;
  }

  /** Returns the seat if the condition is true of it. */
  find(condition) {
    return condition(this.#seat) ? this.#seat : undefined;
  }

  close() {
    if (this.#seat.holds > 0) this.#release(this.#seat);
    this.abandon();
  }

  /** The workstream or the manager is being closed, which closes the handle. */
  abandon() {
    this.#seat.closed = true;
  }
}

/** The seats of an object that belongs to a manager. */
class SeatPool {
  #all = new Set();
  #idle = [];
  #closed = false;
  #trimmer;
  #manager;
  #open;
  #mineOf;
  #subject;

  /** `open(workstream)` returns a handle, `mineOf(handle)` what the fast path writes for it. */
  constructor(manager, open, mineOf, subject) {
    this.#manager = manager;
    this.#open = open;
    this.#mineOf = mineOf;
    this.#subject = subject;
  }

  /** Returns a seat that nobody else has. */
  take() {
    return this.#idle.length > 0 ? this.#idle.pop() : this.#add();
  }

  put(seat) {
    if (seat.closed) return;
    this.#idle.push(seat);
    if (this.#idle.length > KEPT && this.#trimmer === undefined) this.#trimLater();
  }

  holds() {
    let sum = 0;
    for (const seat of this.#all) sum += seat.holds;
    return sum;
  }

  /** Returns a seat of which the condition is true. */
  find(condition) {
    for (const seat of this.#all) if (condition(seat)) return seat;
    return undefined;
  }

  close() {
    for (const seat of this.#all) native.syncmgr_workstream_close(seat.workstream);
    this.abandon();
  }

  /** The manager is being closed, which closes the workstreams. */
  abandon() {
    for (const seat of this.#all) seat.closed = true;
    this.#all.clear();
    this.#idle = [];
    this.#closed = true;
    clearTimeout(this.#trimmer);
  }

  #add() {
    if (this.#closed) throw closedError(this.#subject());
    check(native.syncmgr_workstream_open(this.#manager, null, scratch.words));
    const workstream = scratch.handle();
    try {
      const handle = this.#open(workstream);
      const seat = new Seat(workstream, handle, this.#mineOf(handle));
      this.#all.add(seat);
      return seat;
    } catch (error) {
      native.syncmgr_workstream_close(workstream);
      throw error;
    }
  }

  #trimLater() {
    this.#trimmer = setTimeout(() => this.#trim(), TRIM_DELAY);
    this.#trimmer.unref();
  }

  /** Closes some of the idle seats; many at once would hold up the event loop. */
  #trim() {
    this.#trimmer = undefined;
    const surplus = this.#idle.splice(KEPT, TRIM_COUNT);
    for (const seat of surplus) {
      seat.closed = true;
      this.#all.delete(seat);
      native.syncmgr_workstream_close(seat.workstream);
    }
    if (this.#idle.length > KEPT) this.#trimLater();
  }
}

module.exports = { OwnSeat, SeatPool };
