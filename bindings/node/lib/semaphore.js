'use strict';
// Semaphore: so many permits.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const { Acquisition, runHolding } = require('./acquisition.js');
const checked = require('./arguments.js');
const { check, closedError, lastError, NotOwnerError } = require('./errors.js');
const { readHolders } = require('./holder.js');
const { addLeases } = require('./lease.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');
const symbols = require('./symbols.js');

const FLAGS = { signalling: constants.SEMAPHORE_SIGNALLING, fair: constants.SEMAPHORE_FAIR };
const OPTIONS_SIZE = structures.syncmgr_semaphore_options_t.bytes;

/** Permits that were acquired together. They return by release(), or when the semaphore, the
 *  workstream or the manager is closed. */
class Permits {
  #semaphore;
  #seat;
  #count;

  constructor(semaphore, seat, count) {
    this.#semaphore = semaphore;
    this.#seat = seat;
    this.#count = count;
    seat.holds += count;
  }

  get count() {
    return this.#count;
  }

  get released() {
    return this.#seat === undefined || this.#seat.closed;
  }

  /** Gives the permits back. Calling again does nothing. */
  release() {
    const seat = this.#seat;
    if (seat === undefined) return;
    this.#seat = undefined;
    if (!seat.closed) this.#semaphore._release(seat, this.#count);
  }

  [symbols.dispose]() {
    this.release();
  }

  async [symbols.asyncDispose]() {
    this.release();
  }

  /** Returns the handle through which the permits are held. */
  _held() {
    if (!this.released) return this.#seat.handle;
    throw new NotOwnerError(`the permits of ${this.#semaphore._subject()} are not held any more`);
  }
}

addLeases(Permits);

/** Waits for permits in one seat. */
class PermitsWait extends Acquisition {
  constructor(semaphore, seat, count) {
    super(semaphore, seat);
    this.count = count;
  }

  start(queue, timeout, id) {
    return native.syncmgr_semaphore_acquire_start(this.seat.handle, this.count, timeout, queue, id,
      scratch.words);
  }

  granted() {
    return new Permits(this.lock, this.seat, this.count);
  }

  giveBack() {
    native.syncmgr_semaphore_release(this.seat.handle, this.count);
  }
}

class Semaphore extends SeatedObject {
  #signalling;

  constructor(workstream, shared, name, permits, given) {
    const bits = checked.flags(checked.options(given, Object.keys(FLAGS)), FLAGS);
    const structure = scratch.flagsStructure(OPTIONS_SIZE, bits);
    const total = checked.parameter(permits, 'permits');
    const open = (owner) => {
      check(native.syncmgr_semaphore_open(owner, name, total, structure, scratch.words));
      return scratch.handle();
    };
    super(workstream, checked.text(name, 'name'), open);

    // Nobody holds the permits of a signalling semaphore, so its tasks need no seats of their own
    // and nothing returns when it is closed.
    this.#signalling = (bits & constants.SEMAPHORE_SIGNALLING) !== 0;
    const giveBack = (seat) => {
      if (!this.#signalling) native.syncmgr_semaphore_release(seat.handle, seat.holds);
    };
    this._sit(shared && !this.#signalling, `semaphore/${name}`, open, giveBack);
  }

  /** Waits for `count` permits, all or none, and resolves with Permits. Called with options only,
   *  it is for one. */
  async acquire(count = 1, given = undefined) {
    if (typeof count === 'object' && given === undefined) return this.acquire(1, count);
    checked.count(count, 'count');
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    const wait = new PermitsWait(this, this._seats.take(), count);
    return this.manager._queue().wait(wait, timeout, signal);
  }

  /** Takes `count` permits if they are free, else returns null. */
  tryAcquire(count = 1) {
    checked.count(count, 'count');
    const seat = this._seats.take();
    const status = native.syncmgr_semaphore_acquire(seat.handle, count);
    if (status >= 0) return new Permits(this, seat, count);
    const error = status === constants.E_TIMEOUT ? undefined : lastError(status);
    this._seats.put(seat);
    if (error !== undefined) throw error;
    return null;
  }

  /** Runs `task(permits)` while holding one permit, and resolves with what it returns. */
  async run(task, given) {
    checked.callable(task, 'task');
    return runHolding(await this.acquire(1, given), task);
  }

  /** Releases `count` permits that were acquired through this very workstream, or, when the
   *  semaphore is signalling, new ones. Permits of a manager's semaphore are released by what
   *  acquire() gave. */
  release(count = 1) {
    check(native.syncmgr_semaphore_release(this._handle(), checked.count(count, 'count')));
  }

  /** How many permits are free. */
  get available() {
    check(native.syncmgr_semaphore_available(this._handle(), scratch.words));
    return scratch.words[0];
  }

  /** How many permits are held through this object; none when it is signalling. */
  get held() {
    if (this.closed) throw closedError(this._subject());
    return this.#signalling ? 0 : this._seats.holds();
  }

  /** Who holds permits now. */
  holders() {
    const handle = this._handle();
    return readHolders((...memory) => native.syncmgr_semaphore_holders(handle, ...memory));
  }

  /** Ends one hold of a seat, which is then free for others. */
  _release(seat, count) {
    const status = native.syncmgr_semaphore_release(seat.handle, count);
    const error = status < 0 ? lastError(status) : undefined;
    seat.holds -= count;
    this._seats.put(seat);
    if (error !== undefined) throw error;
  }

  /** A seat has not got its permits, or has given them back. */
  _vacate(seat) {
    this._seats.put(seat);
  }

  _closeHandle(handle) {
    return native.syncmgr_semaphore_close(handle);
  }
}

module.exports = { Permits, Semaphore };
