'use strict';
// What the waits of all locks have in common: they are made in a seat of the lock, see seats.js,
// and are operations of the completion queue, see queue.js.

const { closedError } = require('./errors.js');

/** A wait in one seat. Who derives from it says how it is started, by start(), and what it
 *  gives, by granted(). */
class SeatWait {
  constructor(lock, seat) {
    this.lock = lock;
    this.seat = seat;
  }

  succeed(status, value) {
    // The grant was on its way when the lock was closed, which took it back.
    if (this.seat.closed) throw closedError(this.subject());
    return this.granted(status, value);
  }

  undo() {
    return false;
  }

  end() {}

  subject() {
    return this.lock._subject();
  }
}

/** A wait for a lock: without it the seat is free for others. Who derives from it says how a grant
 *  is given back, by giveBack(). */
class Acquisition extends SeatWait {
  undo(status) {
    if (!this.seat.closed) this.giveBack(status);
    this.end();
    return true;
  }

  end() {
    this.lock._vacate(this.seat);
  }
}

/** Runs `task(guard)` and releases the guard, and resolves with what the task returned. */
async function runHolding(guard, task) {
  let result;
  try {
    result = await task(guard);
  } catch (error) {
    // The task's own error says more than a hold that was lost, too.
    try { guard.release(); } catch {}
    throw error;
  }
  guard.release();
  return result;
}

module.exports = { Acquisition, SeatWait, runHolding };
