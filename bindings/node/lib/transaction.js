'use strict';
// Transaction: several changes of the store, and what else is to be done with them, as one.
//
// What the library would wait for is waited for before: a lock is had by a ticket, and only then is
// what it protects read or written, which does not wait any more. The way to the commit, and back,
// is taken in steps.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { readInfo } = require('./beginning.js');
const { encode, expectedOf } = require('./cell.js');
const { Deadline } = require('./deadline.js');
const { readKeys, readRange } = require('./entries.js');
const { AlreadyError, CancelledError, ClosedError, NotFoundError, TimeoutError, check, closedError,
  lastError } = require('./errors.js');
const { addOperation, readOperation } = require('./operation.js');
const scratch = require('./scratch.js');
const { Driver } = require('./steps.js');
const { structures } = require('./structures.js');
const symbols = require('./symbols.js');
const { TargetWait } = require('./target.js');

const CHANGE = layouts.syncmgr_change_t;
const MODES = { shared: constants.SHARED, exclusive: constants.EXCLUSIVE };
const { E_CHANGED, EXCLUSIVE, SHARED } = constants;

class Transaction {
  #store;
  #seat;
  #handle;
  #id;
  #traits; // of its options, what is to be known here
  #end;    // when its time has passed, by performance.now()
  #driver = new Driver(this);
  #operations = [];
  #touched = new Set(); // keys that it may have changed
  #calls = Promise.resolve();
  #driving; // until the aim is reached or what was missed is undone
  #closing;

  /** `open(handle, out)` begins or joins one through a handle of the store. `operationTimeout` is
   *  how long each lock may take. */
  constructor(store, open, operationTimeout = Infinity) {
    this.#store = store;
    this.#seat = store._seats.take();
    try {
      check(open(this.#seat.handle, scratch.words));
    } catch (error) {
      store._seats.put(this.#seat);
      throw error;
    }
    this.#handle = scratch.handle();
    store._addTransaction(this);
    const { id, isolation, flags, remaining } = this.info();
    this.#id = id;
    this.#traits = { isolation, ...flags, operationTimeout };
    this.#end = performance.now() + remaining;
  }

  get id() {
    return this.#id;
  }

  get status() {
    return this.info().status;
  }

  get closed() {
    return this.#handle === 0 || this.#store.closed;
  }

  /** Resolves when nothing of it is under way any more, also what was too late. */
  get settled() {
    return this.#driving ?? Promise.resolve();
  }

  /** How it is with it. */
  info() {
    return readInfo(this._handle());
  }

  /** Resolves with the entry of a key, or null. What it has written itself has version 0n. */
  async get(key, given) {
    return (await this.#read([checked.text(key, 'key')], given))[0];
  }

  /** Resolves with a Map of those of the keys that are there, as they are at one moment. */
  async snapshot(keys, given) {
    const names = checked.list(keys, 'the keys').map((key) => checked.text(key, 'key'));
    const entries = names.length === 0 ? [] : await this.#read(names, given);
    return new Map(names.map((name, index) => [name, entries[index]])
      .filter(([, entry]) => entry !== null));
  }

  /** Resolves with the entries that a range has, in order. */
  async range(given) {
    const { limit, ...wanted } = this.#store._rangeOptions(given);
    return this.#serially(() => this.#guarded(() => (
      readRange(native.syncmgr_transaction_range, this._handle(), wanted, limit))));
  }

  /** Writes a key, for the commit to do. */
  async put(key, value, given) {
    const { expected, type, ...waits } = checked.options(given,
      ['expected', 'type', 'timeout', 'signal']);
    const { type: number, bytes } = encode(value, type);
    await this.#write({ key, data: bytes, type: number, expected: expectedOf(expected) }, waits);
  }

  /** Deletes a key, for the commit to do. */
  async delete(key, given) {
    const { expected, ...waits } = checked.options(given, ['expected', 'timeout', 'signal']);
    await this.#write({ key, expected: expectedOf(expected) }, waits);
  }

  /** Reads a key, and writes what `change(value)` makes of it, unless that is undefined. Resolves
   *  with the value that it has then. */
  async update(key, change, given) {
    checked.callable(change, 'what changes the value');
    const { type, ...waits } = checked.options(given, ['type', 'timeout', 'signal']);
    const entry = await this.get(key, waits);
    const value = await change(entry?.value);
    if (value === undefined) return entry?.value;
    await this.put(key, value, { ...waits, type });
    return value;
  }

  /** Locks a key, or any other target, until the transaction ends. With a timeout of 0 it goes on
   *  when that fails; else it is rolled back. */
  async lock(target, given) {
    const { mode = 'exclusive', ...waits } = checked.options(given, ['mode', 'timeout', 'signal']);
    const number = MODES[checked.choice(mode, 'mode', Object.keys(MODES))];
    const name = checked.text(target, 'target');
    await this.#serially(() => this.#locking([name], number, waits, waits.timeout === 0));
  }

  /** Gives up what lock() has locked, and what was neither read nor written. */
  unlock(target) {
    check(native.syncmgr_transaction_unlock(this._handle(), checked.text(target, 'target')));
  }

  /** Marks a place to roll back to. */
  savepoint(name) {
    check(native.syncmgr_transaction_savepoint(this._handle(), checked.text(name, 'name')));
  }

  /** Undoes what was done since the savepoint. */
  async rollbackTo(name) {
    await this.#drive(constants.AIM_ROLLBACK_TO, checked.text(name, 'name'));
  }

  /** Adds an operation, which the commit executes before its changes are seen. */
  add(given) {
    const operation = addOperation(this, given);
    this.#operations[operation.index] = operation;
    if (operation.target !== undefined) this.#touched.add(operation.target);
    return operation;
  }

  /** Executes the operations that were not executed yet. */
  async execute(given) {
    await this.#drive(constants.AIM_EXECUTE, null, checked.waiting(given, ['signal']).signal);
  }

  /** Makes all changes seen at once, and resolves with their revision, when they are on disk where
   *  there is a file. Of a part it votes, and waits for the decision. */
  async commit(given) {
    const { isQueued, timeout, signal } = this.#store._writing(given);
    await this.#validated(signal);
    const { revision } = await this.#drive(constants.AIM_COMMIT, null, signal);
    if (!isQueued) await this.#store._landed(revision, timeout, signal);
    return revision;
  }

  /** Votes for the commit of a transaction of several workstreams. commit() then waits for what is
   *  decided. */
  async prepare(given) {
    const { isQueued, timeout, signal } = this.#store._writing(given);
    await this.#validated(signal);
    const { revision } = await this.#drive(constants.AIM_PREPARE, null, signal);
    if (!isQueued) await this.#store._landed(revision, timeout, signal);
  }

  /** Undoes what was executed, the newest first, and drops what was written. */
  async rollback() {
    if (this.#driving === undefined) {
      await this.#drive(constants.AIM_ROLLBACK, null);
      return;
    }
    const driving = this.#driving;
    this.#driver.turnBack(new CancelledError(`${this._subject()} was rolled back meanwhile`));
    await driving;
  }

  /** Rolls back what has not ended, and closes it. Closing again does nothing. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [symbols.asyncDispose]() {
    await this.close();
  }

  [symbols.inspect]() {
    const state = this.closed ? 'closed' : this.status;
    return `Transaction ${this.#id} (${state})`;
  }

  get _store() {
    return this.#store;
  }

  get _isGoingBack() {
    return this.status === 'rolling_back';
  }

  _subject() {
    return `transaction ${this.#id}`;
  }

  _handle() {
    if (this.closed) throw closedError(this._subject());
    return this.#handle;
  }

  /** The handle, or 0 when it is closed. */
  get _openHandle() {
    return this.closed ? 0 : this.#handle;
  }

  _operation(index) {
    this.#operations[index] ??= readOperation(this, index);
    return this.#operations[index];
  }

  /** Refuses the name of an operation that nobody here can execute, when it is strict. */
  _checkName(name) {
    if (!this.#traits.strict || this.#store._handlers.has(name)) return;
    throw new NotFoundError(`no handler of this store has the name "${name}"`);
  }

  /** The type of an entry that it has read: of what it has written itself, or of what is there. */
  _typeOf(key) {
    try {
      return readKeys(native.syncmgr_transaction_get, this._handle(), [key])[0]?.type ?? 'bytes';
    } catch {
      return this.#store.get(key)?.type ?? 'bytes';
    }
  }

  /** Resolves when a target is locked. */
  _lockTarget(name, mode, timeout, signal) {
    return this.#store.manager._queue().wait(new TargetWait(this, name, mode), timeout, signal);
  }

  /** The store is being closed: what has no end yet is rolled back, as far as that can be done at
   *  once. */
  _closeNow() {
    const handle = this.#handle;
    this.#handle = 0;
    if (handle !== 0) native.syncmgr_transaction_close(handle);
  }

  async #close() {
    if (this.closed) return;
    try {
      const { status } = this.info();
      const isOpen = status === 'pending' || status === 'active';
      if (isOpen && this.#driving === undefined) await this.rollback();
    } catch (error) {
      if (error instanceof ClosedError) return;
      throw error;
    } finally {
      // What comes back late is still undone, before the library forgets it.
      if (this.#driving === undefined) this.#leave();
      else this.#driving.then(() => this.#leave());
    }
  }

  #leave() {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this.#handle = 0;
    this.#store._removeTransaction(this);
    if (this.#store.closed) return;
    native.syncmgr_transaction_close(handle);
    this.#store._seats.put(this.#seat);
  }

  /** Calls take their turns: a lock that is waited for is had before what comes after. */
  #serially(task) {
    const call = this.#calls.then(task);
    this.#calls = call.catch(() => {});
    return call;
  }

  /** Drives it to an aim, and resolves with the last step. */
  async #drive(aim, savepoint, signal) {
    const { outcome, settled } = this.#driver.drive(aim, savepoint, signal);
    const driving = settled.then(() => {
      if (this.#driving === driving) this.#driving = undefined;
    });
    this.#driving = driving;
    return outcome;
  }

  /** Runs `task`, after whose error the library may have ended the transaction. */
  async #guarded(task) {
    try {
      return task();
    } catch (error) {
      await this.#goBack(false);
      throw error;
    }
  }

  /** Rolls back by steps what has ended, or, when it `ends` by what happened, what goes on. */
  async #goBack(ends) {
    if (this.closed || this.#driving !== undefined) return;
    if (performance.now() >= this.#end) this.#seeTime();
    const { status } = this.info();
    const isOpen = status === 'pending' || status === 'active';
    if (status === 'rolling_back' || (ends && isOpen)) await this.rollback();
  }

  /** The library sees that its time has passed at the next call, if it has not seen it before. */
  #seeTime() {
    try {
      readRange(native.syncmgr_transaction_range, this._handle(), {}, 1, true);
    } catch (error) {
      if (!(error instanceof TimeoutError || error instanceof AlreadyError)) throw error;
    }
  }

  async #read(keys, given) {
    checked.waiting(given);
    return this.#serially(async () => {
      const isLocked = !this.#traits.optimistic && this.#traits.isolation !== 'read_committed';
      if (isLocked) await this.#locking(keys, SHARED, given, false);
      return this.#guarded(() => readKeys(native.syncmgr_transaction_get, this._handle(), keys));
    });
  }

  async #write(fields, given) {
    const key = checked.text(fields.key, 'key');
    await this.#serially(async () => {
      if (!this.#traits.optimistic && !this.#traits.readOnly) {
        await this.#locking([key], EXCLUSIVE, given, false);
      }
      await this.#guarded(() => {
        const change = structures(CHANGE, [fields]);
        const status = native.syncmgr_transaction_put(this._handle(), change.memory);
        if (status === E_CHANGED) throw Object.assign(lastError(status), { key });
        check(status);
      });
      this.#touched.add(key);
    });
  }

  /** Waits for locks, in the order of the names, which is the same for all. */
  async #locking(names, mode, given, goesOn) {
    const { timeout: milliseconds = this.#traits.operationTimeout, signal: abort } = given ?? {};
    const left = Math.max(this.#end - performance.now(), 0.001);
    const { timeout, signal } = checked.waiting({
      timeout: milliseconds > left ? left : milliseconds, signal: abort,
    });
    signal?.throwIfAborted();
    const deadline = new Deadline(timeout);
    for (const name of [...names].sort()) {
      try {
        await this._lockTarget(name, mode, deadline.left(), signal);
      } catch (error) {
        const isTold = error.status !== undefined;
        if (isTold) await this.#goBack(!goesOn);
        throw error;
      }
    }
  }

  /** Asks the validators, when all that the commit changes is known. */
  async #validated(signal) {
    if (!this.#store._hasValidators || this.status === 'committing') return;
    await this.execute({ signal });
    const changes = [];
    for (const key of this.#touched) {
      const [entry] = readKeys(native.syncmgr_transaction_get, this._handle(), [key]);
      if (entry === null || entry.version === 0n) changes.push({ key, value: entry?.value });
    }
    try {
      await this.#store._validated(changes);
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }
}

module.exports = { Transaction };
