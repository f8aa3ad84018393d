'use strict';
// Workstream: who owns and who waits.
//
// A manager has one of its own, made when it is needed. What is opened through that one is shared
// by all the tasks of this program, see seats.js. What is opened through an explicit workstream
// acts in its name only.

const { native } = require('./loader.js');
const checked = require('./arguments.js');
const { check, closedError } = require('./errors.js');
const { Barrier } = require('./barrier.js');
const { Channel } = require('./channel.js');
const { Condition } = require('./condition.js');
const { Election } = require('./election.js');
const { Latch } = require('./latch.js');
const { Inbox, jsonText, send } = require('./messages.js');
const { Memory } = require('./memory.js');
const { PassingMembers } = require('./members.js');
const { Mutex } = require('./mutex.js');
const { Resource } = require('./resource.js');
const { RWLock } = require('./rwlock.js');
const { SeatStore } = require('./seats.js');
const { Semaphore } = require('./semaphore.js');
const { Store } = require('./store.js');
const { SyncEvent } = require('./event.js');
const { SyncPoint } = require('./syncpoint.js');
const scratch = require('./scratch.js');
const symbols = require('./symbols.js');

class Workstream {
  #manager;
  #handle;
  #name;
  #id;
  #shared;
  #objects;
  #stores = new Map();
  #inbox;

  /** Opens a workstream; without a name it gets one. */
  constructor(manager, shared, name) {
    const given = name === undefined ? null : checked.text(name, 'name');
    check(native.syncmgr_workstream_open(manager._handle(), given, scratch.words));
    this.#handle = scratch.handle();
    this.#manager = manager;
    this.#shared = shared;
    this.#objects = shared ? new PassingMembers() : new Set();
    check(native.syncmgr_workstream_name(this.#handle, scratch.bytes, scratch.bytes.length));
    this.#name = scratch.text(scratch.bytes, 0, scratch.bytes.length);
    check(native.syncmgr_workstream_id(this.#handle, scratch.longs));
    this.#id = scratch.longs[0];
  }

  get manager() {
    return this.#manager;
  }

  get name() {
    return this.#name;
  }

  /** The id in the space, a BigInt: the one that holders and notices show. */
  get id() {
    return this.#id;
  }

  get closed() {
    return this.#handle === 0;
  }

  mutex(name, options) {
    return new Mutex(this, this.#shared, name, options);
  }

  semaphore(name, permits, options) {
    return new Semaphore(this, this.#shared, name, permits, options);
  }

  latch(name, count) {
    return new Latch(this, this.#shared, name, count);
  }

  barrier(name, parties, options) {
    return new Barrier(this, this.#shared, name, parties, options);
  }

  event(name, options) {
    return new SyncEvent(this, this.#shared, name, options);
  }

  rwlock(name, options) {
    return new RWLock(this, this.#shared, name, options);
  }

  condition(name) {
    return new Condition(this, this.#shared, name);
  }

  election(name) {
    return new Election(this, this.#shared, name);
  }

  syncPoint(name, expected, options) {
    return new SyncPoint(this, this.#shared, name, expected, options);
  }

  channel(name, options) {
    return options?.kind === 'memory' ? new Memory(this, name, options)
      : new Channel(this, name, options);
  }

  /** The store of the space. */
  store(options) {
    return new Store(this, this.#shared, options);
  }

  /** Something that is not ours; takes part in the search for deadlocks by what is recorded. */
  resource(name, instances) {
    return new Resource(this, name, instances);
  }

  /** Sets the priority, 0 at first: the lowest may be chosen as a deadlock's victim. */
  setPriority(priority) {
    if (!Number.isInteger(priority) || priority !== (priority | 0)) {
      throw checked.rangeError(`priority must be a whole number of 32 bits, not ${priority}`);
    }
    check(native.syncmgr_workstream_set_priority(this._handle(), priority));
  }

  /** Sends a message to the workstreams of these names; null tells everybody who listens. Returns
   *  its id and the names of those that do not exist. */
  send(recipients, text, options) {
    return send(this, recipients, text, options);
  }

  /** The messages that were sent to this workstream. */
  get inbox() {
    this.#inbox ??= new Inbox(this);
    return this.#inbox;
  }

  /** Tells everybody that it has completed its work. It stays open. */
  complete(detail) {
    check(native.syncmgr_workstream_complete(this._handle(), jsonText(detail)));
  }

  /** Tells everybody that it has failed, and why. It stays open. */
  fail(reason) {
    const text = reason === undefined ? null : checked.text(reason, 'reason');
    check(native.syncmgr_workstream_fail(this._handle(), text));
  }

  /** Closes the workstream and its objects: holds are released, waits end by ClosedError.
   *  Closing again does nothing. */
  close() {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    // Objects that are shared by tasks have workstreams of their own to close.
    if (this.#shared) for (const object of [...this.#objects]) object.close();
    this._abandon();
    this.#manager._remove(this);
    check(native.syncmgr_workstream_close(handle));
  }

  [symbols.dispose]() {
    this.close();
  }

  async [symbols.asyncDispose]() {
    this.close();
  }

  [symbols.inspect]() {
    return `Workstream "${this.#name}"${this.closed ? ' (closed)' : ''}`;
  }

  _handle() {
    if (this.#handle === 0) throw closedError(`Workstream "${this.#name}"`);
    return this.#handle;
  }

  _add(object) {
    this.#objects.add(object);
  }

  _remove(object) {
    this.#objects.delete(object);
  }

  /** The seats of shared objects that are opened alike. */
  _seats(key) {
    let store = this.#stores.get(key);
    if (store === undefined) {
      store = new SeatStore(() => this.#stores.delete(key));
      this.#stores.set(key, store);
    }
    return store;
  }

  _isHeld() {
    return [...this.#objects].some((object) => object._isHeld());
  }

  /** The handle is being closed, by this object or with its manager. */
  _abandon() {
    for (const object of this.#objects) object._abandon();
    this.#objects.clear();
    for (const store of this.#stores.values()) store.abandon();
    this.#stores.clear();
    this.#handle = 0;
  }
}

module.exports = { Workstream };
