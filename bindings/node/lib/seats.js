'use strict';
// Who owns what an object hands out: the seats of an object.
//
// The library knows owners as workstreams. An object of an explicit workstream has one seat, and
// everything taken through it belongs to that workstream. An object of a manager is shared by all
// the tasks of this program, which exclude each other: each acquisition takes a seat of its own,
// a workstream that nobody else uses until it is given back. All objects of one manager, kind and
// name share the seats that are idle. Waiting tasks thus stand in the
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
    this.user = undefined;     // the pool that has taken it
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

  remains() {
    return () => {};
  }

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

/** The seats of all objects of a manager that are of one kind and name, so that who opens an object
 *  anew for each use takes the seats of the uses before. */
class SeatStore {
  #seats = new Set();
  #idle = [];
  #users = 0;
  #trimmer;
  #forget;

  /** `forget()` is called when no open object uses it any more. */
  constructor(forget) {
    this.#forget = forget;
  }

  enter() {
    this.#users += 1;
    return this;
  }

  /** An object closes: its seats, and with the last one those that are idle. */
  leave(pool) {
    this.#users -= 1;
    for (const seat of this.#seats) {
      if (seat.user === pool || this.#users === 0) this.#close(seat);
    }
    if (this.#users > 0) return;
    this.#idle = [];
    clearTimeout(this.#trimmer);
    this.#forget();
  }

  add(seat) {
    this.#seats.add(seat);
    return seat;
  }

  /** The seats that an object has taken. */
  * of(pool) {
    for (const seat of this.#seats) if (seat.user === pool) yield seat;
  }

  takeIdle() {
    return this.#idle.pop();
  }

  put(seat) {
    this.#idle.push(seat);
    if (this.#idle.length > KEPT && this.#trimmer === undefined) this.#trimLater();
  }

  /** The manager is being closed, which closes the workstreams. */
  abandon() {
    for (const seat of this.#seats) seat.closed = true;
    this.#seats.clear();
    this.#idle = [];
    clearTimeout(this.#trimmer);
  }

  #close(seat) {
    seat.closed = true;
    this.#seats.delete(seat);
    native.syncmgr_workstream_close(seat.workstream);
  }

  #trimLater() {
    this.#trimmer = setTimeout(() => this.#trim(), TRIM_DELAY);
    this.#trimmer.unref();
  }

  /** Closes some of the idle seats; many at once would hold up the event loop. */
  #trim() {
    this.#trimmer = undefined;
    for (const seat of this.#idle.splice(KEPT, TRIM_COUNT)) this.#close(seat);
    if (this.#idle.length > KEPT) this.#trimLater();
  }
}

/** What an object that belongs to a manager has taken of its seats. */
class SeatPool {
  #store;
  #closed = false;
  #manager;
  #open;
  #mineOf;
  #subject;

  /** `open(workstream)` returns a handle, `mineOf(handle)` what the fast path writes for it. */
  constructor(store, manager, open, mineOf, subject) {
    this.#store = store.enter();
    this.#manager = manager;
    this.#open = open;
    this.#mineOf = mineOf;
    this.#subject = subject;
  }

  /** Returns a seat that nobody else has. */
  take() {
    if (this.#closed) throw closedError(this.#subject());
    const seat = this.#store.takeIdle() ?? this.#add();
    seat.user = this;
    return seat;
  }

  put(seat) {
    if (seat.closed) return;
    seat.user = undefined;
    this.#store.put(seat);
  }

  /** Returns what to do when the object is no more, which it keeps while it has taken seats. */
  remains() {
    const store = this.#store;
    return () => store.leave(null);
  }

  holds() {
    let sum = 0;
    for (const seat of this.#store.of(this)) sum += seat.holds;
    return sum;
  }

  /** Returns a seat of which the condition is true. */
  find(condition) {
    for (const seat of this.#store.of(this)) if (condition(seat)) return seat;
    return undefined;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#store.leave(this);
  }

  /** The manager is being closed, which closes the workstreams; or this has closed. */
  abandon() {
    if (this.#closed) return;
    this.#closed = true;
    this.#store.abandon();
  }

  #add() {
    check(native.syncmgr_workstream_open(this.#manager, null, scratch.words));
    const workstream = scratch.handle();
    try {
      const handle = this.#open(workstream);
      return this.#store.add(new Seat(workstream, handle, this.#mineOf(handle)));
    } catch (error) {
      native.syncmgr_workstream_close(workstream);
      throw error;
    }
  }
}

module.exports = { OwnSeat, SeatPool, SeatStore };
