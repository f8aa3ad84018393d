'use strict';
// Manager: this program's attachment to a space.

const EventEmitter = require('node:events');
const { addon, native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const deadlock = require('./deadlock.js');
const { check, closedError } = require('./errors.js');
const { Events } = require('./events.js');
const { KINDS, NoticeQueue } = require('./notices.js');
const messages = require('./messages.js');
const { CompletionQueue } = require('./queue.js');
const { snapshot, spaceUrl } = require('./snapshot.js');
const { Workstream } = require('./workstream.js');
const scratch = require('./scratch.js');
const symbols = require('./symbols.js');

const FLAGS = {
  openOnly: constants.OPEN_ONLY,
  createOnly: constants.CREATE_ONLY,
  persistent: constants.PERSISTENT,
  counters: 0, // they are on; false is a flag
};
const NUMBERS = ['mode', 'group', 'owner'];
const OPTIONS = structures.syncmgr_open_options_t;

const TYPES = {
  mutex: constants.TYPE_MUTEX,
  semaphore: constants.TYPE_SEMAPHORE,
  latch: constants.TYPE_LATCH,
  barrier: constants.TYPE_BARRIER,
  event: constants.TYPE_EVENT,
  rwlock: constants.TYPE_RWLOCK,
  condition: constants.TYPE_CONDITION,
  election: constants.TYPE_ELECTION,
  resource: constants.TYPE_RESOURCE,
  syncPoint: constants.TYPE_SYNC_POINT,
  channel: constants.TYPE_CHANNEL,
  store: constants.TYPE_STORE,
};

/** The managers that are open, for the end of the program. */
const managers = new Set();

/** Makes the options structure of syncmgr_open. */
function openStructure(given) {
  const values = checked.options(given, [...Object.keys(FLAGS), ...NUMBERS]);
  const structure = new Uint32Array(OPTIONS.bytes / 4);
  structure[OPTIONS.flags / 4] = checked.flags(values, FLAGS)
    | (values.counters === false ? constants.OPEN_NO_COUNTERS : 0);
  const number = (key, otherwise) => (
    values[key] === undefined ? otherwise : checked.count(values[key], key));
  structure[OPTIONS.mode / 4] = number('mode', 0o600);
  structure[OPTIONS.group / 4] = number('group', constants.ANY);
  structure[OPTIONS.owner / 4] = number('owner', constants.ANY);
  return structure;
}

class Manager extends EventEmitter {
  #handle;
  #url;
  #queue;
  #notices;
  #mask = 0;
  #events = new Set();
  #shared;
  #workstreams = new Set();
  #kept = false;

  constructor(url, given) {
    super();
    checked.text(url, 'url');
    check(native.syncmgr_open(url, openStructure(given), scratch.words));
    this.#handle = scratch.handle();
    // With the absolute name of the store's file: good in any working directory.
    this.#url = spaceUrl(this.#handle);
    addon.own(this.#handle);
    if (managers.size === 0) process.on('exit', closeAtExit);
    managers.add(this);
    this.on('newListener', (kind) => this.#watch(kind, KINDS[kind]));
    this.on('removeListener', (kind) => this.#watch(kind, 0));
  }

  get url() {
    return this.#url;
  }

  get closed() {
    return this.#handle === 0;
  }

  /** Opens a workstream of its own name; without a name it gets one. */
  workstream(name) {
    const workstream = new Workstream(this, false, name);
    this.#workstreams.add(workstream);
    return workstream;
  }

  mutex(name, options) {
    return this.#tasks().mutex(name, options);
  }

  semaphore(name, permits, options) {
    return this.#tasks().semaphore(name, permits, options);
  }

  latch(name, count) {
    return this.#tasks().latch(name, count);
  }

  barrier(name, parties, options) {
    return this.#tasks().barrier(name, parties, options);
  }

  event(name, options) {
    return this.#tasks().event(name, options);
  }

  rwlock(name, options) {
    return this.#tasks().rwlock(name, options);
  }

  condition(name) {
    return this.#tasks().condition(name);
  }

  election(name) {
    return this.#tasks().election(name);
  }

  syncPoint(name, expected, options) {
    return this.#tasks().syncPoint(name, expected, options);
  }

  /** All tasks of the program send and receive in one name. */
  channel(name, options) {
    return this.#tasks().channel(name, options);
  }

  /** The store of the space. Each transaction of it is an owner of its own. */
  store(options) {
    return this.#tasks().store(options);
  }

  /** The records of deadlocks that were found, oldest first. Only an explicit workstream is one
   *  owner of several locks: what is acquired through the manager is each an owner's of its own. */
  deadlocks() {
    return deadlock.list(this._handle());
  }

  /** Looks for deadlocks now, and returns how many there are. */
  detectDeadlocks(algorithm) {
    return deadlock.detect(this._handle(), algorithm);
  }

  /** Ends the wait of a victim of the deadlock with that id. */
  resolveDeadlock(id, victim) {
    deadlock.resolve(this._handle(), id, victim);
  }

  /** Forgets the records of what has ended or was only possible, and returns how many. */
  clearDeadlocks() {
    return deadlock.clear(this._handle());
  }

  /** Sets for the whole space how deadlocks are looked for. */
  configureDeadlocks(options) {
    deadlock.configure(this._handle(), options);
  }

  /** Chooses what this manager does so that none happens, for objects opened from now on. */
  preventDeadlocks(strategy, options) {
    deadlock.prevent(this._handle(), strategy, options);
  }

  /** Gives an object a rank, for the strategy 'ranks'; 0 takes it off. */
  setRank(type, name, rank) {
    if (!Object.hasOwn(TYPES, type)) {
      throw checked.rangeError(`type must be one of: ${Object.keys(TYPES).join(', ')}`);
    }
    check(native.syncmgr_object_set_rank(this._handle(), TYPES[type], checked.text(name, 'name'),
      checked.count(rank, 'rank')));
  }

  /** Releases what dead processes left behind, and returns how many were found. */
  cleanup() {
    check(native.syncmgr_cleanup(this._handle(), scratch.words));
    return scratch.words[0];
  }

  /** Throws CorruptError with the first fault when the segment contradicts itself. */
  check() {
    check(native.syncmgr_check(this._handle()));
  }

  /** Returns what the space looks like: who holds what, who waits for what, since when. */
  snapshot() {
    return snapshot(this._handle());
  }

  /** Removes an object that nobody has open: `type` is 'mutex', 'semaphore', ... */
  remove(type, name) {
    if (!Object.hasOwn(TYPES, type)) {
      throw checked.rangeError(`type must be one of: ${Object.keys(TYPES).join(', ')}`);
    }
    check(native.syncmgr_object_remove(this._handle(), TYPES[type], checked.text(name, 'name')));
  }

  /** What happens from now on, for `for await`; `given` chooses by kinds, names and priority. */
  events(given) {
    const events = new Events(this, given);
    this.#events.add(events);
    return events;
  }

  /** Returns how far a message is with each of its recipients. */
  messageStatus(id) {
    return messages.statusOf(this, id);
  }

  /** Keeps the program running while the manager is open, for programs that only listen. */
  ref() {
    if (this.#kept) return this;
    this._queue().ref();
    this.#kept = true;
    return this;
  }

  unref() {
    if (this.#kept) this._queue().unref();
    this.#kept = false;
    return this;
  }

  /** Closes the manager and everything opened through it: holds are released, waits end by
   *  ClosedError. Closing again does nothing. */
  close() {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    for (const workstream of this.#workstreams) workstream._abandon();
    this.#workstreams.clear();
    this.#handle = 0;
    this.#kept = false;
    this.#queue?.close();
    this.#notices?.close();
    for (const events of [...this.#events]) events.close();
    managers.delete(this);
    if (managers.size === 0) process.removeListener('exit', closeAtExit);
    addon.disown(handle);
    check(native.syncmgr_close(handle));
  }

  /** As in EventEmitter, but never removes the listeners by which the manager itself works. */
  removeAllListeners(...kinds) {
    if (kinds.length > 0) return super.removeAllListeners(...kinds);
    for (const kind of Object.keys(KINDS)) super.removeAllListeners(kind);
    return this;
  }

  [symbols.dispose]() {
    this.close();
  }

  async [symbols.asyncDispose]() {
    this.close();
  }

  [symbols.inspect]() {
    return `Manager "${this.#url}"${this.closed ? ' (closed)' : ''}`;
  }

  _handle() {
    if (this.#handle === 0) throw closedError(`Manager "${this.#url}"`);
    return this.#handle;
  }

  /** The queue of all waits, opened by the first. */
  _queue() {
    if (this.#queue === undefined || this.#handle === 0) {
      this.#queue = new CompletionQueue(this._handle());
    }
    return this.#queue;
  }

  _removeEvents(events) {
    this.#events.delete(events);
  }

  _remove(workstream) {
    this.#workstreams.delete(workstream);
  }

  /** Closes the manager if nothing would go unsaid by that. */
  _endOfProgram() {
    if (![...this.#workstreams].some((workstream) => workstream._isHeld())) this.close();
  }

  /** The workstream through which objects of the manager itself are opened. */
  #tasks() {
    if (this.#shared === undefined || this.#shared.closed) {
      this.#shared = new Workstream(this, true, undefined);
      this.#workstreams.add(this.#shared);
    }
    return this.#shared;
  }

  /** Asks the library for the kinds of notices that have listeners, and for those in `more`. */
  #watch(kind, more) {
    if (!Object.hasOwn(KINDS, kind) || this.#handle === 0) return;
    let mask = more;
    for (const name of Object.keys(KINDS)) {
      if (this.listenerCount(name) > 0) mask |= KINDS[name];
    }
    mask >>>= 0;
    if (this.#notices === undefined) {
      this.#notices = new NoticeQueue(this._handle(), mask, {}, () => this.#tell());
    } else if (mask !== this.#mask) {
      // What has come until now goes to those who wanted it.
      this.#tell();
      this.#notices.watch(mask);
    }
    this.#mask = mask;
  }

  /** Hands notices to their listeners, outside of the queue's own loop. */
  #tell() {
    for (const notice of this.#notices.take()) {
      queueMicrotask(() => this.emit(notice.kind, notice));
    }
  }
}

/** Runs when the program or Worker ends by itself or by process.exit(). Closing leaves nothing
 *  behind. But a mutex that is held is not released as if all was well: nobody will finish what was
 *  begun, so the end of the process, or of the Worker's environment, tells the next owner. */
function closeAtExit() {
  for (const manager of managers) manager._endOfProgram();
}

/** Opens the space that `url` names. */
function open(url, options) {
  return new Manager(url, options);
}

/** Removes the name of a shm: space. */
function unlink(url) {
  check(native.syncmgr_unlink(checked.text(url, 'url')));
}

module.exports = { Manager, open, unlink };
