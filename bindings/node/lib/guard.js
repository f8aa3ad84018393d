'use strict';
// Guard: one hold of a mutex.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const { check, BusyError, NotOwnerError } = require('./errors.js');
const { addLeases } = require('./lease.js');
const scratch = require('./scratch.js');
const symbols = require('./symbols.js');

const { OK, OWNER_DIED } = constants;

/** One hold of a mutex. It ends by release(), or with its mutex, workstream or manager. While it
 *  waits at a condition the mutex is not held, and afterwards it is a new hold in this same guard:
 *  token, recovered and previousOwner are then those of the new one. */
class Guard {
  #mutex;
  #seat;
  #status;
  #token;
  #previousOwner;
  #regained;

  constructor(mutex, seat, status, token) {
    this.#mutex = mutex;
    this.#seat = seat;
    this.#status = status;
    this.#token = token;
    this.#regained = seat.regained;
    seat.holds += 1;
    // Asked now: the answer may be about somebody else later.
    if (status === OWNER_DIED) this.#previousOwner = mutex.previousOwner;
  }

  /** Whether the owner before died: the protected data may be half changed. */
  get recovered() {
    this.#follow();
    return this.#status === OWNER_DIED;
  }

  /** The owner that died, if `recovered`, else null. */
  get previousOwner() {
    this.#follow();
    return this.#previousOwner ?? null;
  }

  get released() {
    return this.#seat === undefined || this.#seat.closed;
  }

  /** The fencing token of this hold, a BigInt that only ever grows. */
  get token() {
    this.#follow();
    if (this.#token === undefined) {
      check(native.syncmgr_mutex_token(this._held(), scratch.longs));
      this.#token = scratch.longs[0];
    }
    return this.#token;
  }

  /** Tells whether the hold is still there: it may have been taken away by force. */
  isValid() {
    if (this.released) return false;
    this.#follow();
    // A hold that was lost before its token was asked for has none any more.
    if (this.#token === undefined) {
      if (native.syncmgr_mutex_token(this.#seat.handle, scratch.longs) !== OK) return false;
      this.#token = scratch.longs[0];
    }
    return native.syncmgr_mutex_is_valid(this.#seat.handle, this.#token) === OK;
  }

  /** Unlocks the mutex. Calling again does nothing. Throws LostError when the hold had been taken
   *  away by force; it is ended then, too. */
  release() {
    const seat = this.#seat;
    if (seat === undefined) return;
    if (seat.busy && !seat.closed) throw this.#waits();
    if (seat.regained !== this.#regained) this.#follow();
    this.#seat = undefined;
    if (!seat.closed) this.#mutex._release(seat);
  }

  [symbols.dispose]() {
    this.release();
  }

  async [symbols.asyncDispose]() {
    this.release();
  }

  /** Returns the handle through which the mutex is held. */
  _held() {
    if (this.released) throw new NotOwnerError(`${this.#mutex._subject()} is not held any more`);
    return this.#seat.handle;
  }

  /** Returns the mutex and the seat, for a wait at a condition. */
  _place() {
    this._held();
    if (this.#seat.busy) throw this.#waits();
    return { mutex: this.#mutex, seat: this.#seat };
  }

  /** Takes over what a wait at a condition has changed. */
  #follow() {
    const regained = this.#seat?.regained;
    if (regained === undefined || regained === this.#regained) return;
    this.#regained = regained;
    this.#status = regained.status;
    this.#previousOwner = regained.previousOwner;
    this.#token = undefined;
  }

  #waits() {
    return new BusyError(`the hold of ${this.#mutex._subject()} waits at a condition`);
  }
}

addLeases(Guard);

module.exports = { Guard };
