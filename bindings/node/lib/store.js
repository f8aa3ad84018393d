'use strict';
// Store: the versioned entries of a space.
//
// Reading is done at once. Writing resolves when it is safe: where the space has a file, when it is
// on disk. The commit itself is made at once and never waits on this thread; only then the promise
// waits for the disk.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { BEGIN_KEYS, optionsOf: transactionOptions } = require('./beginning.js');
const { encode, expectedOf, versionOf } = require('./cell.js');
const { changeFields, changedError, commit } = require('./committing.js');
const { Conflicts } = require('./conflicts.js');
const { stringify } = require('./document.js');
const { readKeys, readRange } = require('./entries.js');
const { rangeFields } = require('./entry.js');
const { ChangedError, NotFoundError, check, lastError } = require('./errors.js');
const { Handler } = require('./handlers.js');
const { merge } = require('./merging.js');
const { SeatedObject } = require('./seated.js');
const scratch = require('./scratch.js');
const { Landing, Sight } = require('./sight.js');
const { structures } = require('./structures.js');
const transactions = require('./transact.js');
const { Transaction } = require('./transaction.js');
const { Validator, validate } = require('./validators.js');
const { Watch } = require('./watching.js');

const CHANGE = layouts.syncmgr_change_t;
const ENTRY = layouts.syncmgr_entry_t;
const INFO = layouts.syncmgr_store_info_t;
const OPTIONS = layouts.syncmgr_store_options_t;
const DEFAULTS = { capacity: 1024, inlineSize: 128, logSize: 4_194_304 };
const RANGE_KEYS = ['prefix', 'glob', 'after', 'limit'];
const RULE_KEYS = ['type', 'minimum', 'maximum', 'min_length', 'max_length', 'required', 'values',
  'immutable'];
const WRITE_KEYS = ['queued', 'timeout', 'signal'];
const PUT_KEYS = ['expected', 'type', ...WRITE_KEYS];
const { E_CHANGED, E_NOT_FOUND, E_TOO_LARGE, FOREVER, OK, PUT_QUEUED } = constants;

const NO_WAIT = Object.freeze({ isQueued: false, timeout: FOREVER, signal: undefined });

/** Makes the options structure of a store; null for whatever an existing one has. */
function optionsOf(given) {
  const values = checked.options(given, Object.keys(DEFAULTS));
  if (Object.values(values).every((value) => value === undefined)) return null;
  const number = (key) => checked.count(values[key] ?? DEFAULTS[key], key);
  const options = new DataView(new ArrayBuffer(OPTIONS.bytes));
  options.setUint32(OPTIONS.capacity, number('capacity'), true);
  options.setUint32(OPTIONS.inline_size, number('inlineSize'), true);
  options.setBigUint64(OPTIONS.log_size, BigInt(number('logSize')), true);
  return new Uint8Array(options.buffer);
}

class Store extends SeatedObject {
  #validators = new Set();
  #handlers = new Map();
  #transactions = new Set();
  #conflicts;
  #hasFile;

  constructor(workstream, shared, given) {
    const options = optionsOf(given);
    const open = (owner) => {
      check(native.syncmgr_store_open(owner, options, scratch.words));
      return scratch.handle();
    };
    super(workstream, 'store', open);
    this._sit(shared, 'store', open, () => {});
    this.#hasFile = this.info().file;
  }

  /** Returns the entry of a key, or null when it is not there. */
  get(key) {
    return readKeys(native.syncmgr_store_get, this._handle(), [checked.text(key, 'key')])[0];
  }

  /** Returns the entries of these keys at one moment: a Map of those that are there. */
  snapshot(keys) {
    const names = checked.list(keys, 'the keys').map((key) => checked.text(key, 'key'));
    const entries = names.length === 0 ? []
      : readKeys(native.syncmgr_store_get, this._handle(), names);
    return new Map(names.map((name, index) => [name, entries[index]])
      .filter(([, entry]) => entry !== null));
  }

  /** Returns the entries of which the keys begin with `prefix`, are like `glob`, and come behind
   *  `after`, in order, all of one moment: the list has its `revision`, and `more` says whether
   *  `limit` has left some out. */
  range(given) {
    const { limit, ...wanted } = this._rangeOptions(given);
    return readRange(native.syncmgr_store_range, this._handle(), wanted, limit);
  }

  /** Returns the keys of such a range. */
  keys(given) {
    const { limit, ...wanted } = this._rangeOptions(given);
    return readRange(native.syncmgr_store_range, this._handle(), wanted, limit, true);
  }

  /** Puts a value, and resolves with its version. With { expected } only if the key has that
   *  version, 0 for one that is not there; else it is a ChangedError, which has the `version`. */
  async put(key, value, given) {
    const { expected, type, ...rest } = checked.options(given, PUT_KEYS);
    const { type: number, bytes } = encode(value, type);
    const fields = {
      key: checked.text(key, 'key'), data: bytes, type: number, expected: expectedOf(expected),
    };
    return this.#put(fields, value, given === undefined ? NO_WAIT : this._writing(rest));
  }

  /** Puts a value where there is none, and resolves with its version, or with null. */
  async putIfAbsent(key, value, given) {
    try {
      return await this.put(key, value, { ...checked.options(given, ['type', ...WRITE_KEYS]),
        expected: 0 });
    } catch (error) {
      if (error instanceof ChangedError) return null;
      throw error;
    }
  }

  /** Deletes a key, and resolves with whether it was there. With { expected } only if it has that
   *  version, else it is a ChangedError. */
  async delete(key, given) {
    const { expected, ...rest } = checked.options(given, ['expected', ...WRITE_KEYS]);
    const wait = this._writing(rest);
    checked.text(key, 'key');
    for (;;) {
      const version = expected === undefined ? this.#versionOf(key)
        : versionOf(expected, 'expected');
      if (expected === undefined && version === 0n) return false;
      try {
        await this.#put({ key, expected: version }, undefined, wait);
        return version !== 0n;
      } catch (error) {
        if (expected !== undefined || !(error instanceof ChangedError)) throw error;
      }
    }
  }

  /** Puts what `change(value)` makes of the value, again when somebody was faster; it may return a
   *  promise. Undefined changes nothing. Resolves with the value that the key has then. */
  async update(key, change, given) {
    const { type, ...rest } = checked.options(given, ['type', ...WRITE_KEYS]);
    checked.callable(change, 'what changes the value');
    for (;;) {
      const entry = this.get(key);
      const value = await change(entry?.value);
      if (value === undefined) return entry?.value;
      try {
        await this.put(key, value, { ...rest, type, expected: entry?.version ?? 0 });
        return value;
      } catch (error) {
        if (!(error instanceof ChangedError)) throw error;
        // What came too late waits for nobody; others get their turn.
        await new Promise(setImmediate);
      }
    }
  }

  /** Makes several changes, all or none: { key, value, type, expected }, { key, delete: true,
   *  expected }, or { key, check: version }. Resolves with the revision of the store and the new
   *  versions, 0n for what was deleted. */
  async commit(changes, given) {
    const wait = this._writing(given);
    const list = checked.list(changes, 'the changes');
    const fields = list.map(changeFields);
    await this._validated(list.filter((change) => change.check === undefined));
    const made = commit(this._handle(), fields);
    if (!wait.isQueued) await this._landed(made.revision, wait.timeout, wait.signal);
    return made;
  }

  /** Puts a JSON value, or deletes with undefined, and merges it with what somebody else has put
   *  since the version `expected`. Resolves with what there is then, and what was discarded. */
  merge(key, value, given) {
    return merge(this, key, value, given);
  }

  /** The changes from now on, or behind the revision `since`, for `for await`: each once, in order.
   *  A 'gap' has the entries that there are now, instead of changes that were missed. */
  watch(given) {
    const { since, signal, ...wanted } = checked.options(given, ['prefix', 'glob', 'since',
      'signal']);
    rangeFields(wanted);
    const revision = since === undefined ? this.info().revision : versionOf(since, 'since');
    return new Watch(this, wanted, revision, checked.waiting({ signal }).signal);
  }

  /** Resolves with the version of a key when it is not `seen`, 0n: when it is there; with the key
   *  null with the revision of the store when that is not `seen`. */
  async wait(key, seen, given) {
    if (typeof seen === 'object' && given === undefined) return this.wait(key, 0n, seen);
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._sight(key === null ? null : checked.text(key, 'key'),
      versionOf(seen ?? 0n, 'seen'), timeout, signal);
  }

  /** Resolves when a revision, or all that was written until now, is on disk. */
  async sync(revision, given) {
    if (typeof revision === 'object' && given === undefined) return this.sync(undefined, revision);
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this._landed(revision === undefined ? undefined : versionOf(revision, 'revision'),
      timeout, signal);
  }

  /** How the store is. */
  info() {
    const info = structures(INFO, [{}]);
    check(native.syncmgr_store_state(this._handle(), info.memory));
    return {
      entries: info.word(0, INFO.entries),
      revision: info.long(0, INFO.revision),
      durable: info.long(0, INFO.durable),
      oldest: info.long(0, INFO.oldest),
      logUsed: info.size(0, INFO.log_used),
      logSize: info.size(0, INFO.log_size),
      file: info.word(0, INFO.has_file) !== 0,
    };
  }

  /** Asks `check({ key, value })` before every change of a key like `pattern` through this store:
   *  false, a sentence or an error refuses it. */
  validator(pattern, check) {
    return new Validator(this.#validators, pattern, check);
  }

  /** Declares for every process what the keys like `pattern` may be changed to; null takes it
   *  back. */
  async constraint(pattern, rule) {
    const text = rule === null ? null : stringify(checked.options(rule, RULE_KEYS), 'the rule');
    check(native.syncmgr_store_constraint(this._handle(), checked.text(pattern, 'pattern'), text,
      PUT_QUEUED));
    await this._landed();
  }

  /** Begins a transaction. */
  transaction(given) {
    const wanted = checked.options(given, BEGIN_KEYS);
    const options = transactionOptions(wanted);
    return new Transaction(this, (handle, out) => (
      native.syncmgr_transaction_begin(handle, options.memory, out)), wanted.operationTimeout);
  }

  /** Runs `task(transaction)` in a transaction, and commits it; again when somebody was faster.
   *  Resolves with what the task returned. */
  transact(task, given) {
    return transactions.transact(this, task, given);
  }

  /** Joins a transaction of another workstream, as its part. */
  join(id) {
    const number = checked.size(id, 'id');
    return new Transaction(this, (handle, out) => (
      native.syncmgr_transaction_join(handle, number, out)));
  }

  /** The records of transactions, the oldest first. */
  transactions(given) {
    return transactions.listTransactions(this, given);
  }

  /** The record of one transaction. */
  transactionRecord(id) {
    return transactions.showTransaction(this, id);
  }

  /** Forgets the records of those that ended more than so many milliseconds ago; returns how
   *  many. */
  clearTransactions(age = 0) {
    return transactions.clearTransactions(this, age);
  }

  /** Registers what executes and undoes the operations of a name: { execute, undo }. */
  handler(name, given) {
    return new Handler(this.#handlers, name, given);
  }

  /** Ends what dead processes have left of transactions, with the handlers of this store. */
  recover() {
    return transactions.recover(this);
  }

  /** What several have changed at once, and what is declared to be a conflict. */
  get conflicts() {
    this.#conflicts ??= new Conflicts(this);
    return this.#conflicts;
  }

  get _handlers() {
    return this.#handlers;
  }

  get _hasValidators() {
    return this.#validators.size > 0;
  }

  /** Asks the validators about changes. */
  async _validated(changes) {
    if (this.#validators.size > 0) await validate(this.#validators, changes);
  }

  /** Reads { prefix, glob, after, limit }. */
  _rangeOptions(given) {
    const { limit = Infinity, ...wanted } = checked.options(given, RANGE_KEYS);
    if (limit === 0) throw checked.rangeError('limit must be at least 1');
    return { ...wanted, limit: limit === Infinity ? limit : checked.count(limit, 'limit') };
  }

  /** Reads how a write is to be waited for. */
  _writing(given) {
    const { queued } = checked.options(given, WRITE_KEYS);
    const { timeout, signal } = checked.waiting(given, WRITE_KEYS);
    signal?.throwIfAborted();
    return { isQueued: checked.flags({ queued }, { queued: 1 }) !== 0, timeout, signal };
  }

  /** Resolves when a revision, or the present one, is on disk. */
  async _landed(revision, timeout = FOREVER, signal = undefined) {
    if (!this.#hasFile) return;
    const landing = new Landing(this, revision ?? this.info().revision);
    await this.manager._queue().wait(landing, timeout, signal);
  }

  /** Resolves with the version of a key, or with null the revision, when it is not `seen`. */
  _sight(key, seen, timeout, signal) {
    return this.manager._queue().wait(new Sight(this, key, seen), timeout, signal);
  }

  /** Takes a transaction over that a dead process has left, or returns null. */
  _adopt() {
    try {
      return new Transaction(this, (handle, out) => native.syncmgr_transaction_adopt(handle, out));
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  /** How many bytes the value of a key has. */
  _lengthOf(key) {
    return this.#look(key)?.size(0, ENTRY.length) ?? 0;
  }

  _addTransaction(transaction) {
    this.#transactions.add(transaction);
  }

  _removeTransaction(transaction) {
    this.#transactions.delete(transaction);
  }

  _beforeClose() {
    for (const transaction of this.#transactions) transaction._closeNow();
    super._beforeClose();
  }

  _abandon() {
    super._abandon();
    this.#transactions.clear();
  }

  _closeHandle(handle) {
    return native.syncmgr_store_close(handle);
  }

  #versionOf(key) {
    return this.#look(key)?.long(0, ENTRY.version) ?? 0n;
  }

  /** Reads all of an entry but its data; undefined when it is not there. */
  #look(key) {
    const entry = structures(ENTRY, [{ key }]);
    const status = native.syncmgr_store_get(this._handle(), entry.memory, 1, null, 0, null);
    if (status === E_NOT_FOUND) return undefined;
    if (status !== OK && status !== E_TOO_LARGE) throw lastError(status);
    return entry;
  }

  async #put(fields, value, { isQueued, timeout, signal }) {
    if (this.#validators.size > 0) await this._validated([{ key: fields.key, value }]);
    if (this.#hasFile && !isQueued) {
      const { revision, versions } = commit(this._handle(), [fields]);
      await this._landed(revision, timeout, signal);
      return versions.get(fields.key);
    }
    const change = structures(CHANGE, [fields]);
    const status = native.syncmgr_store_put(this._handle(), change.memory, PUT_QUEUED,
      scratch.longs);
    if (status === OK) return scratch.longs[0];
    if (status === E_CHANGED) throw changedError(fields.key, scratch.longs[0]);
    throw lastError(status);
  }
}

module.exports = { Store };
