'use strict';
// Party: one party of a phaser, a barrier that is joined and left between phases.

const { native } = require('./loader.js');
const checked = require('./arguments.js');
const { check, NotOwnerError } = require('./errors.js');
const symbols = require('./symbols.js');

/** One party. It leaves by leave(), or with its barrier, workstream or manager. */
class Party {
  #barrier;
  #seat;
  #uses = 0; // calls of wait() and arrive() that are under way

  constructor(barrier, seat) {
    this.#barrier = barrier;
    this.#seat = seat;
  }

  /** Whether it is a party no more. */
  get left() {
    return this.#seat === undefined || this.#seat.closed;
  }

  /** Arrives and waits for the others, as Barrier.wait() does. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this.#barrier._waitIn(this.#present(), timeout, signal);
  }

  /** Arrives without waiting, as Barrier.arrive() does. */
  async arrive() {
    return this.#barrier._arriveIn(this.#present());
  }

  /** Is a party no more. When all others have arrived the barrier trips. Calling again does
   *  nothing. It is a BusyError while all have arrived and their leader runs the action. */
  leave() {
    const seat = this.#seat;
    if (seat === undefined) return;
    if (!seat.closed) check(native.syncmgr_barrier_leave(seat.handle));
    this.#seat = undefined;
    this.#barrier._dismiss(seat, this.#uses > 0);
  }

  [symbols.dispose]() {
    this.leave();
  }

  async [symbols.asyncDispose]() {
    this.leave();
  }

  /** A call begins. */
  _use() {
    this.#uses += 1;
  }

  /** A call has ended. Returns whether the seat is free for others. */
  _rest() {
    this.#uses -= 1;
    return this.#uses === 0 && this.left;
  }

  #present() {
    if (!this.left) return this.#seat;
    throw new NotOwnerError(`this is no party of ${this.#barrier._subject()} any more`);
  }
}

module.exports = { Party };
