'use strict';
// Several locks at once: all or none, in an order that is the same for the whole space.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check, TimeoutError } = require('./errors.js');
const { Mutex } = require('./mutex.js');
const { RWLock } = require('./rwlock.js');
const { Semaphore } = require('./semaphore.js');
const symbols = require('./symbols.js');

const ITEM = structures.syncmgr_lock_item_t;
const MODES = { shared: constants.SHARED, exclusive: constants.EXCLUSIVE };

/** Writes an item of the library's list. */
function writeItem(view, index, handle, amount, status) {
  const base = index * ITEM.bytes;
  view.setBigUint64(base + ITEM.handle, BigInt(handle), true);
  view.setUint32(base + ITEM.amount, amount, true);
  view.setInt32(base + ITEM.status, status, true);
}

/** Returns what one of the locks is, and how it is taken. */
function partOf(given) {
  const isLock = given instanceof Mutex || given instanceof Semaphore || given instanceof RWLock;
  const { lock, count, mode } = isLock ? { lock: given } : checked.options(given,
    ['lock', 'count', 'mode']);
  if (lock instanceof Mutex && count === undefined && mode === undefined) {
    return { lock, amount: 0, take: (options) => lock.acquire(options) };
  }
  if (lock instanceof Semaphore && mode === undefined) {
    const amount = checked.count(count ?? 1, 'count');
    return { lock, amount, take: (options) => lock.acquire(amount, options) };
  }
  if (lock instanceof RWLock && count === undefined) {
    const chosen = checked.choice(mode ?? 'exclusive', 'mode', Object.keys(MODES));
    return {
      lock, amount: MODES[chosen], take: (options) => lock.lock({ ...options, mode: chosen }),
    };
  }
  throw checked.typeError('a lock is a Mutex, a Semaphore, an RWLock, ' +
    '{ lock: semaphore, count } or { lock: rwlock, mode }');
}

/** Sorts the parts into the order of the space. */
function sorted(parts) {
  const view = new DataView(new ArrayBuffer(parts.length * ITEM.bytes));
  const byHandle = new Map();
  parts.forEach((part, index) => {
    const handle = part.lock._handle();
    // Twice the same object is for the library to refuse.
    byHandle.set(handle, part);
    writeItem(view, index, handle, part.amount, constants.OK);
  });
  check(native.syncmgr_lock_many_order(new Uint8Array(view.buffer), parts.length));
  return parts.map((_, index) => (
    byHandle.get(Number(view.getBigUint64(index * ITEM.bytes + ITEM.handle, true)))));
}

/** Gives a hold back that was taken in vain. Who inherits from the dead must hear of it: the next
 *  one, because this one will not look. */
function giveBack({ part, guard }) {
  if (guard.recovered && !guard.released) {
    const view = new DataView(new ArrayBuffer(ITEM.bytes));
    writeItem(view, 0, guard._held(), part.amount, constants.OWNER_DIED);
    native.syncmgr_lock_many_undo(new Uint8Array(view.buffer), 1);
  }
  // That it is not held any more, or was lost meanwhile, is what was wanted.
  try { guard.release(); } catch {}
}

/** The holds of several locks that were taken together. */
class ManyGuard {
  #guards;
  #taken;

  constructor(guards, taken) {
    this.#guards = Object.freeze(guards);
    this.#taken = taken;
  }

  /** The holds, in the order in which the locks were given. */
  get guards() {
    return this.#guards;
  }

  /** Whether any of them was inherited from an owner that died. */
  get recovered() {
    return this.#guards.some((guard) => guard.recovered === true);
  }

  /** Whether none of them is held any more. */
  get released() {
    return this.#guards.every((guard) => guard.released);
  }

  /** Releases all of them. One that cannot be released keeps no other from it. */
  release() {
    const errors = [];
    for (const { guard } of this.#taken.splice(0).reverse()) {
      try {
        guard.release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  [symbols.dispose]() {
    this.release();
  }

  async [symbols.asyncDispose]() {
    this.release();
  }
}

/** Waits for several locks, and resolves with a ManyGuard when it has all of them. They are taken
 *  in an order that is the same for the whole space, so that callers who hold nothing else never
 *  deadlock. When one cannot be had in time, or the wait is aborted, none is held. */
async function lockMany(locks, given) {
  const { timeout: milliseconds } = checked.options(given, ['timeout', 'signal']);
  const { signal } = checked.waiting(given);
  if (!Array.isArray(locks) || locks.length === 0) {
    throw checked.typeError('locks must be an array with something in it');
  }
  signal?.throwIfAborted();
  const parts = locks.map(partOf);
  const end = milliseconds === undefined ? Infinity : performance.now() + milliseconds;
  const taken = [];
  try {
    for (const part of sorted(parts)) {
      // With a timeout of 0 each is tried, also the last.
      const timeout = milliseconds === 0 ? 0 : Math.max(end - performance.now(), 0);
      taken.push({ part, guard: await part.take({ timeout, signal }) });
    }
    signal?.throwIfAborted();
  } catch (error) {
    for (const hold of taken.reverse()) giveBack(hold);
    if (error instanceof TimeoutError) {
      throw new TimeoutError(`${parts.length} locks were not free together: ${error.message}`);
    }
    throw error;
  }
  const guards = parts.map((part) => taken.find((hold) => hold.part === part).guard);
  return new ManyGuard(guards, taken);
}

module.exports = { ManyGuard, lockMany };
