'use strict';
// Condition: waiting for something that a mutex protects.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { check, closedError, TimeoutError } = require('./errors.js');
const { Deadline } = require('./deadline.js');
const { Guard } = require('./guard.js');
const { Mutex } = require('./mutex.js');
const { SyncObject } = require('./object.js');
const scratch = require('./scratch.js');

const { E_TIMEOUT, OK, PENDING } = constants;
/** With so many handles open, those of seats that are gone are looked for. */
const MANY = 64;

/** Waits for a signal, and then for the mutex. */
class ConditionWait {
  begun = false;  // whether the mutex was unlocked
  locked = false; // and whether it was locked again

  constructor(condition, handle, mutex, seat) {
    this.condition = condition;
    this.handle = handle;
    this.mutex = mutex;
    this.seat = seat;
  }

  start(queue, timeout, id) {
    const status = native.syncmgr_condition_wait_start(this.handle, this.seat.handle, timeout,
      queue, id, scratch.words);
    this.begun = status === PENDING;
    return status;
  }

  succeed(status) {
    if (this.seat.closed) throw closedError(this.mutex._subject());
    this.locked = true;
    return status;
  }

  /** The signal was for this wait: giving it back would be losing it. */
  undo() {
    return false;
  }

  end(status) {
    this.locked = status === E_TIMEOUT;
  }

  subject() {
    return this.condition._subject();
  }
}

class Condition extends SyncObject {
  #open;
  #shared;
  #handles = new Map(); // of the seats that have waited, when tasks share this condition
  #room = MANY;

  constructor(workstream, shared, name) {
    const open = (owner) => {
      check(native.syncmgr_condition_open(owner, name, scratch.words));
      return scratch.handle();
    };
    super(workstream, checked.text(name, 'name'), open);
    this.#open = open;
    this.#shared = shared;
    workstream._add(this);
  }

  /** Unlocks a mutex and waits for a signal, as one step. `held` is the guard of the caller's hold,
   *  or the mutex if it is held through that object. Whatever ends the wait, the mutex is locked
   *  again when the promise settles, also after a timeout and when it was aborted; only when the
   *  mutex itself was closed it is not. Look at what you wait for in a loop, or use waitFor(). */
  async wait(held, given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    await this.#wait(held, timeout, signal);
  }

  /** Waits until `predicate()` is true, or resolves with something true, and resolves with that.
   *  It is called while the mutex is held, at first and after each signal. */
  async waitFor(held, predicate, given) {
    checked.callable(predicate, 'predicate');
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    const deadline = new Deadline(timeout);
    this._handle();
    this.#placeOf(held);
    for (;;) {
      const value = await predicate();
      if (value) return value;
      const left = deadline.left();
      if (left === 0) throw new TimeoutError(`the time passed: ${this._subject()}`);
      signal?.throwIfAborted();
      try {
        await this.#wait(held, left, signal);
      } catch (error) {
        // The predicate has the last word.
        if (!(error instanceof TimeoutError)) throw error;
      }
    }
  }

  /** Signals up to `count` waiters, the longest first, and returns how many there were. The mutex
   *  need not be held. */
  signal(count = 1) {
    checked.count(count, 'count');
    check(native.syncmgr_condition_signal(this._handle(), count, scratch.words));
    return scratch.words[0];
  }

  /** Signals everybody who waits, and returns how many they were. */
  broadcast() {
    check(native.syncmgr_condition_broadcast(this._handle(), scratch.words));
    return scratch.words[0];
  }

  /** How many wait for a signal. */
  get waiting() {
    check(native.syncmgr_condition_waiting(this._handle(), scratch.words));
    return scratch.words[0];
  }

  _beforeClose() {
    for (const handle of this.#handles.values()) native.syncmgr_condition_close(handle);
  }

  _abandon() {
    super._abandon();
    this.#handles.clear();
  }

  _remains() {
    const [rest, handles] = [super._remains(), this.#handles];
    return () => {
      for (const handle of handles.values()) native.syncmgr_condition_close(handle);
      rest();
    };
  }

  _closeHandle(handle) {
    return native.syncmgr_condition_close(handle);
  }

  async #wait(held, timeout, signal) {
    const { mutex, seat } = this.#placeOf(held);
    const wait = new ConditionWait(this, this.#handleFor(mutex, seat), mutex, seat);
    const queue = this.manager._queue();
    const pause = mutex._pause(seat);
    let status;
    try {
      status = await queue.wait(wait, timeout, signal);
    } catch (error) {
      if (wait.locked) status = OK;
      else if (wait.begun && !seat.closed) status = await this.#return(mutex, seat, pause);
      throw error;
    } finally {
      mutex._resume(seat, pause, status);
    }
  }

  /** Locks the mutex again. When even that fails the guard says so: the reason why the wait ended
   *  is what the caller is to hear. */
  async #return(mutex, seat, pause) {
    try {
      return await mutex._return(seat, pause);
    } catch {
      return undefined;
    }
  }

  #placeOf(held) {
    if (!(held instanceof Guard) && !(held instanceof Mutex)) {
      throw checked.typeError('held must be the guard of a mutex, or a mutex');
    }
    const place = held._place();
    if (place.mutex.manager === this.manager) return place;
    throw checked.typeError('the condition and the mutex must be of one manager');
  }

  /** Returns a handle of the workstream that holds the mutex. */
  #handleFor(mutex, seat) {
    const own = this._handle();
    if (!this.#shared) return own;
    const known = this.#handles.get(seat);
    if (known !== undefined) return known;
    if (this.#handles.size >= this.#room) this.#forgetClosed();
    const handle = this.#open(seat.workstream || mutex.workstream._handle());
    this.#handles.set(seat, handle);
    return handle;
  }

  /** Lets go of the handles of seats that are gone. */
  #forgetClosed() {
    for (const [seat, handle] of this.#handles) {
      if (!seat.closed) continue;
      // Closed with the workstream of the seat, if that was closed, too.
      native.syncmgr_condition_close(handle);
      this.#handles.delete(seat);
    }
    this.#room = Math.max(MANY, 2 * this.#handles.size);
  }
}

module.exports = { Condition };
