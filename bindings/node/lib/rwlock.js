'use strict';
// Readers-writer lock: held by one exclusively, or shared by many.

const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const { Acquisition, SeatWait, runHolding } = require('./acquisition.js');
const checked = require('./arguments.js');
const { check, lastError, LostError } = require('./errors.js');
const { readHolder, readHolders } = require('./holder.js');
const { RWGuard } = require('./rwguard.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');

const FLAGS = { fair: constants.RWLOCK_FAIR };
const MODES = { shared: constants.SHARED, exclusive: constants.EXCLUSIVE };
const OPTIONS_SIZE = structures.syncmgr_rwlock_options_t.bytes;
const { COUNT_MAX, E_LOST, E_TIMEOUT, EXCLUSIVE, OK, OWNER_DIED, SHARED } = constants;

/** Reads `{ mode }`, exclusive when it is left out. */
function modeOf({ mode = 'exclusive' }) {
  return MODES[checked.choice(mode, 'mode', Object.keys(MODES))];
}

/** Waits for the lock in one seat. */
class LockWait extends Acquisition {
  constructor(lock, seat, mode) {
    super(lock, seat);
    this.mode = mode;
  }

  start(queue, timeout, id) {
    return native.syncmgr_rwlock_lock_start(this.seat.handle, this.mode, timeout, queue, id,
      scratch.words);
  }

  granted(status) {
    return new RWGuard(this.lock, this.seat, status, this.mode);
  }

  giveBack(status) {
    const { handle } = this.seat;
    // Somebody must hear that an owner died: whoever comes next is told, because this one, who
    // was to be told, is taken for one that was forced out. Readers leave the news where it is.
    if (status === OWNER_DIED && this.mode === EXCLUSIVE) {
      native.syncmgr_rwlock_force_release(handle);
    }
    native.syncmgr_rwlock_unlock(handle);
  }
}

/** Waits until the shared holds of a seat are the exclusive one. */
class Upgrade extends SeatWait {
  start(queue, timeout, id) {
    return native.syncmgr_rwlock_upgrade_start(this.seat.handle, timeout, queue, id, scratch.words);
  }

  granted(status) {
    this.seat.state.become(EXCLUSIVE);
    return status;
  }

  /** Who is told that an owner died must not go back: nobody else would be told. */
  undo(status) {
    if (status !== OK) return false;
    if (this.seat.closed) return true;
    const { handle, state } = this.seat;
    if (native.syncmgr_rwlock_downgrade(handle) === OK) state.become(SHARED);
    else this.lock._lose(this.seat);
    return true;
  }
}

class RWLock extends SeatedObject {

  constructor(workstream, shared, name, given) {
    const bits = checked.flags(checked.options(given, Object.keys(FLAGS)), FLAGS);
    const structure = scratch.flagsStructure(OPTIONS_SIZE, bits);
    const open = (owner) => {
      check(native.syncmgr_rwlock_open(owner, name, structure, scratch.words));
      const handle = scratch.handle();
      addon.remember(handle, constants.TYPE_RWLOCK);
      return handle;
    };
    super(workstream, checked.text(name, 'name'), open);

    this._sit(shared, `rwlock/${name}`, open, (seat) => this.#unlockAll(seat));
  }

  /** Waits for the lock and resolves with an RWGuard. `mode` is 'exclusive', which it is when left
   *  out, or 'shared'. */
  async lock(given) {
    const { timeout, signal } = checked.waiting(given, ['mode', 'timeout', 'signal']);
    const mode = modeOf(given ?? {});
    signal?.throwIfAborted();
    const wait = new LockWait(this, this._seats.take(), mode);
    return this.manager._queue().wait(wait, timeout, signal);
  }

  /** Takes the lock if that is possible at once, else returns null. */
  tryLock(given) {
    const mode = modeOf(checked.options(given, ['mode']));
    const seat = this._seats.take();
    const status = native.syncmgr_rwlock_lock(seat.handle, mode);
    if (status >= 0) return new RWGuard(this, seat, status, mode);
    const error = status === E_TIMEOUT ? undefined : lastError(status);
    this._seats.put(seat);
    if (error !== undefined) throw error;
    return null;
  }

  /** Runs `task(guard)` while holding the lock shared, and resolves with what it returns. */
  async read(task, given) {
    return this.#run(task, 'shared', given);
  }

  /** Runs `task(guard)` while holding the lock exclusively, and resolves with what it returns. */
  async write(task, given) {
    return this.#run(task, 'exclusive', given);
  }

  /** Who holds the lock now, and in which mode. */
  holders() {
    const handle = this._handle();
    const holders = readHolders((...memory) => native.syncmgr_rwlock_holders(handle, ...memory));
    return holders.map(({ amount, ...holder }) => (amount === COUNT_MAX
      ? { ...holder, amount: 1, mode: 'exclusive' } : { ...holder, amount, mode: 'shared' }));
  }

  /** The last exclusive owner that died or was forced out, or null. */
  get previousOwner() {
    const status = check(native.syncmgr_rwlock_previous_owner(this._handle(), scratch.longs));
    return status === constants.FREE ? null : readHolder(scratch.bytes, 0);
  }

  /** Takes the lock away from all who hold it. Returns false when nobody did. */
  forceRelease() {
    return check(native.syncmgr_rwlock_force_release(this._handle())) !== constants.FREE;
  }

  /** Ends one guard of a seat, and with it a hold unless other guards stand for that, too. */
  _release(seat) {
    const { state } = seat;
    let error;
    seat.holds -= 1;
    if (seat.holds < state.locks) {
      state.locks -= 1;
      const status = native.syncmgr_rwlock_unlock(seat.handle);
      if (status < 0) error = lastError(status);
      // All of it was lost, and its owner has heard that now.
      if (status === E_LOST) state.locks = 0;
    }
    if (seat.holds === 0) this._seats.put(seat);
    if (error !== undefined) throw error;
  }

  /** Turns the shared holds of a seat into the exclusive one. */
  async _upgrade(seat, timeout, signal) {
    const queue = this.manager._queue();
    seat.busy = true;
    try {
      return await queue.wait(new Upgrade(this, seat), timeout, signal);
    } catch (error) {
      if (error instanceof LostError) this._lose(seat);
      throw error;
    } finally {
      seat.busy = false;
    }
  }

  /** The owner has heard that its hold was lost: there is nothing to release any more. */
  _lose(seat) {
    if (seat.closed) return;
    native.syncmgr_rwlock_unlock(seat.handle);
    seat.state.locks = 0;
  }

  /** A seat has not got the lock. */
  _vacate(seat) {
    this._seats.put(seat);
  }

  /** Readers leave nothing half done. */
  _isHeld() {
    const writes = (seat) => seat.holds > 0 && seat.state.mode === EXCLUSIVE;
    return this._seats.find(writes) !== undefined;
  }

  _closeHandle(handle) {
    return native.syncmgr_rwlock_close(handle);
  }

  async #run(task, mode, given) {
    checked.callable(task, 'task');
    const { timeout, signal } = checked.options(given, ['timeout', 'signal']);
    return runHolding(await this.lock({ mode, timeout, signal }), task);
  }

  #unlockAll(seat) {
    for (; seat.state.locks > 0; seat.state.locks--) native.syncmgr_rwlock_unlock(seat.handle);
    seat.holds = 0;
  }
}

module.exports = { RWLock };
