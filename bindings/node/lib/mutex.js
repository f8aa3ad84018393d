'use strict';
// Mutex: one owner at a time.

const { setTimeout: sleep } = require('node:timers/promises');
const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const { Acquisition, SeatWait, runHolding } = require('./acquisition.js');
const checked = require('./arguments.js');
const { check, lastError, LimitError, NotOwnerError } = require('./errors.js');
const { FastPath } = require('./fastpath.js');
const { Guard } = require('./guard.js');
const { readHolder } = require('./holder.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');

const FLAGS = { recursive: constants.MUTEX_RECURSIVE, fair: constants.MUTEX_FAIR };
const OPTIONS_SIZE = structures.syncmgr_mutex_options_t.bytes;
const { FOREVER, OK, OWNER_DIED } = constants;

/** Waits for the mutex in one seat. */
class MutexWait extends Acquisition {
  start(queue, timeout, id) {
    return native.syncmgr_mutex_lock_start(this.seat.handle, timeout, queue, id, scratch.words);
  }

  granted(status, token) {
    return new Guard(this.lock, this.seat, status, token);
  }

  giveBack(status) {
    // Somebody must hear that an owner died: whoever comes next is told, because this one, who
    // was to be told, is taken for one that was forced out.
    if (status === OWNER_DIED) native.syncmgr_mutex_force_release(this.seat.handle);
    native.syncmgr_mutex_unlock(this.seat.handle);
  }
}

/** Locks again for a seat whose wait at a condition has ended without the mutex. Nobody can abort
 *  it. */
class Return extends SeatWait {
  start(queue, timeout, id) {
    return native.syncmgr_mutex_lock_start(this.seat.handle, timeout, queue, id, scratch.words);
  }

  succeed(status) {
    return status;
  }
}

class Mutex extends SeatedObject {
  #fast;
  #recursive;

  constructor(workstream, shared, name, given) {
    const bits = checked.flags(checked.options(given, Object.keys(FLAGS)), FLAGS);
    const structure = scratch.flagsStructure(OPTIONS_SIZE, bits);
    const open = (owner) => {
      check(native.syncmgr_mutex_open(owner, name, structure, scratch.words));
      const handle = scratch.handle();
      addon.remember(handle, constants.TYPE_MUTEX);
      return handle;
    };
    super(workstream, checked.text(name, 'name'), open);

    this.#recursive = (bits & constants.MUTEX_RECURSIVE) !== 0;
    const handle = this._handle();
    this.#fast = FastPath.of(handle);
    const mineOf = (seat) => (this.#fast === undefined ? 0 : this.#fast.mineOf(seat));
    this._sit(shared, `mutex/${name}`, open, (seat) => this.#unlockAll(seat), mineOf);
  }

  /** Waits for the mutex and resolves with a Guard. `timeout` is in milliseconds. */
  async acquire(given) {
    const { timeout, signal } = given === undefined ? FOR_EVER : checked.waiting(given);
    signal?.throwIfAborted();
    const seat = this._seats.take();
    if (seat.mine !== 0 && this.#fast.lock(seat.mine)) return new Guard(this, seat, OK);
    return this.manager._queue().wait(new MutexWait(this, seat), timeout, signal);
  }

  /** Takes the mutex if it is free, else returns null. */
  tryAcquire() {
    const seat = this._seats.take();
    if (seat.mine !== 0 && this.#fast.lock(seat.mine)) return new Guard(this, seat, OK);
    const status = native.syncmgr_mutex_lock(seat.handle);
    if (status >= 0) return new Guard(this, seat, status);
    const error = status === constants.E_TIMEOUT ? undefined : lastError(status);
    this._seats.put(seat);
    if (error !== undefined) throw error;
    return null;
  }

  /** Runs `task(guard)` while holding the mutex, and resolves with what it returns. */
  async run(task, given) {
    checked.callable(task, 'task');
    return runHolding(await this.acquire(given), task);
  }

  /** Who holds the mutex, or null. The answer may be old when it arrives. */
  get holder() {
    const status = check(native.syncmgr_mutex_held_by(this._handle(), scratch.longs));
    return status === constants.FREE ? null : readHolder(scratch.bytes, 0);
  }

  /** The last owner that died or was forced out while it held the mutex, or null. */
  get previousOwner() {
    const status = check(native.syncmgr_mutex_previous_owner(this._handle(), scratch.longs));
    return status === constants.FREE ? null : readHolder(scratch.bytes, 0);
  }

  /** Takes the mutex away from whoever holds it. Returns false when nobody did. */
  forceRelease() {
    return check(native.syncmgr_mutex_force_release(this._handle())) !== constants.FREE;
  }

  /** Ends one hold of a seat, which is then free for others. */
  _release(seat) {
    seat.holds -= 1;
    if (seat.mine !== 0 && this.#fast.unlock(seat.mine)) {
      this._seats.put(seat);
      return;
    }
    const status = native.syncmgr_mutex_unlock(seat.handle);
    const error = status < 0 ? lastError(status) : undefined;
    this._seats.put(seat);
    if (error !== undefined) throw error;
  }

  /** A seat has not got the mutex, or has given it back. */
  _vacate(seat) {
    this._seats.put(seat);
  }

  /** Returns the mutex and the seat that holds it, for a wait at a condition. */
  _place() {
    this._handle();
    const seat = this._seats.find((other) => other.holds > 0);
    if (seat === undefined) throw new NotOwnerError(`${this._subject()} is not held through this`);
    return { mutex: this, seat };
  }

  /** A seat begins to wait at a condition, which unlocks the mutex. Returns what _resume() needs
   *  when that is over. */
  _pause(seat) {
    const depth = this.#recursive ? this.holder?.amount ?? 1 : 1;
    const { holds } = seat;
    seat.busy = true;
    seat.holds = 0;
    return { holds, depth };
  }

  /** Waits for the mutex again, as often as it was locked, and resolves with the status. */
  async _return(seat, { depth }) {
    const queue = this.manager._queue();
    for (;;) {
      try {
        const status = await queue.wait(new Return(this, seat), FOREVER);
        for (let locks = 1; locks < depth; locks++) native.syncmgr_mutex_lock(seat.handle);
        return status;
      } catch (error) {
        // The space has no room for another wait at the moment. Whoever waited at a condition
        // counts on the mutex, whatever it takes.
        if (!(error instanceof LimitError)) throw error;
        await sleep(1);
      }
    }
  }

  /** The wait at the condition is over. With a `status` the mutex was locked anew. */
  _resume(seat, { holds }, status) {
    seat.busy = false;
    seat.holds = holds;
    if (status === undefined || seat.closed) return;
    seat.regained = {
      status, previousOwner: status === OWNER_DIED ? this.previousOwner : undefined,
    };
  }

  _isHeld() {
    return this._seats.holds() > 0;
  }

  _abandon() {
    super._abandon();
    this.#fast?.close();
    this.#fast = undefined;
  }

  _closeHandle(handle) {
    return native.syncmgr_mutex_close(handle);
  }

  #unlockAll(seat) {
    for (; seat.holds > 0; seat.holds--) native.syncmgr_mutex_unlock(seat.handle);
  }
}

const FOR_EVER = Object.freeze({ timeout: FOREVER, signal: undefined });

module.exports = { Mutex };
