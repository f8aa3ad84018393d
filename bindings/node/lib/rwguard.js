'use strict';
// RWGuard: one hold of a readers-writer lock.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { check, lastError, BusyError, LostError, NotOwnerError } = require('./errors.js');
const { addLeases } = require('./lease.js');
const scratch = require('./scratch.js');
const symbols = require('./symbols.js');

const { EXCLUSIVE, OK, OWNER_DIED, SHARED } = constants;

/** What one owner holds. All its guards stand for that. */
class Holding {
  mode = SHARED;
  locks = 0;         // how often it is to be unlocked; there may be more guards than that
  token = undefined; // of the latest grant, once it was asked for

  /** One more lock was granted. */
  add(mode) {
    this.mode = mode;
    this.locks += 1;
    this.token = undefined;
  }

  /** All locks were turned into one. */
  become(mode) {
    this.mode = mode;
    this.locks = 1;
    this.token = undefined;
  }
}

/** One hold of a readers-writer lock. It ends by release(), or with its lock, workstream or
 *  manager. Several guards of one workstream change their mode together, and after that the last
 *  release() of them unlocks. */
class RWGuard {
  #lock;
  #seat;
  #status;
  #previousOwner;
  #token;

  constructor(lock, seat, status, mode) {
    this.#lock = lock;
    this.#seat = seat;
    seat.state ??= new Holding();
    seat.state.add(mode);
    seat.holds += 1;
    this.#note(status);
  }

  /** 'exclusive' or 'shared'; after the release, undefined. */
  get mode() {
    if (this.released) return undefined;
    return this.#seat.state.mode === EXCLUSIVE ? 'exclusive' : 'shared';
  }

  /** Whether an exclusive owner died, and nobody has had the lock exclusively since: the protected
   *  data may be half changed. */
  get recovered() {
    return this.#status === OWNER_DIED;
  }

  /** The owner that died, if `recovered`, else null. */
  get previousOwner() {
    return this.#previousOwner ?? null;
  }

  get released() {
    return this.#seat === undefined || this.#seat.closed;
  }

  /** The fencing token of this owner's latest grant, a BigInt that only ever grows. */
  get token() {
    if (!this.released || this.#token === undefined) {
      const handle = this._held();
      const { state } = this.#seat;
      if (state.token === undefined) {
        check(native.syncmgr_rwlock_token(handle, scratch.longs));
        state.token = scratch.longs[0];
      }
      this.#token = state.token;
    }
    return this.#token;
  }

  /** Tells whether the hold is still there: it may have been taken away by force. */
  isValid() {
    if (this.released) return false;
    const { handle, state } = this.#seat;
    // A hold that was lost before its token was asked for has none any more.
    if (state.token === undefined) {
      if (native.syncmgr_rwlock_token(handle, scratch.longs) !== OK) return false;
      state.token = scratch.longs[0];
    }
    return native.syncmgr_rwlock_is_valid(handle, state.token) === OK;
  }

  /** Turns a shared hold into the exclusive one, with nobody in between: waits until the other
   *  readers have left. When that does not succeed the hold stays shared. While another owner waits
   *  for the same it is a DeadlockError: release, and lock again. */
  async upgrade(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    this._held();
    if (this.#seat.busy) throw this.#changes();
    this.#note(await this.#lock._upgrade(this.#seat, timeout, signal));
  }

  /** Turns the exclusive hold into a shared one, with nobody in between. */
  downgrade() {
    const handle = this._held();
    if (this.#seat.busy) throw this.#changes();
    const status = native.syncmgr_rwlock_downgrade(handle);
    const error = status < 0 ? lastError(status) : undefined;
    if (error instanceof LostError) this.#lock._lose(this.#seat);
    if (error !== undefined) throw error;
    this.#seat.state.become(SHARED);
  }

  /** Gives the hold back. Calling again does nothing. Throws LostError when the hold had been taken
   *  away by force; it is ended then, too. */
  release() {
    const seat = this.#seat;
    if (seat === undefined) return;
    if (seat.busy && !seat.closed) throw this.#changes();
    this.#seat = undefined;
    if (!seat.closed) this.#lock._release(seat);
  }

  [symbols.dispose]() {
    this.release();
  }

  async [symbols.asyncDispose]() {
    this.release();
  }

  /** Returns the handle through which the lock is held. */
  _held() {
    if (this.released) throw new NotOwnerError(`${this.#lock._subject()} is not held any more`);
    return this.#seat.handle;
  }

  #note(status) {
    this.#status = status;
    // Asked now: the answer may be about somebody else later.
    this.#previousOwner = status === OWNER_DIED ? this.#lock.previousOwner : undefined;
  }

  #changes() {
    return new BusyError(`the hold of ${this.#lock._subject()} is being upgraded`);
  }
}

addLeases(RWGuard);

module.exports = { RWGuard };
