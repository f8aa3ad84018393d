'use strict';
// Conflicts: declared, decided once, seen by all.
//
// Handlers are JavaScript and may take their time. So the library does not call them: whoever is to
// ask them claims the conflict, asks, and settles it.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { readDocument, stringify } = require('./document.js');
const { AlreadyError, BusyError, FailedError, check, lastError } = require('./errors.js');
const { namesText } = require('./messages.js');
const { PRIORITIES: SEVERITIES } = require('./notices.js');
const { strategyOf } = require('./resolving.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');
const symbols = require('./symbols.js');

const OPTIONS = layouts.syncmgr_conflict_options_t;
const FILTER = layouts.syncmgr_conflict_filter_t;
const TYPES = ['data', 'resource', 'timing', 'dependency', 'state', 'priority']
  .map((word) => `${word}_conflict`);
const STATUSES = ['detected', 'analyzing', 'resolving', 'resolved', 'unresolvable', 'ignored'];
const DEFAULT_TIMEOUT = 30_000;
const DETECT_KEYS = ['type', 'severity', 'strategy', 'timeout', 'syncPoint', 'workstreams',
  'reason', 'data', 'auto', 'notify'];
const { ANY, CONFLICT_AUTO, CONFLICT_NOTIFY, E_ALREADY, E_FAILED } = constants;

/** Returns the bits of some words; all when none are given. */
function bitsOf(given, what, words) {
  if (given === undefined) return ANY;
  const chosen = typeof given === 'string' ? [given] : checked.list(given, what);
  return chosen.reduce(
    (sum, word) => sum | 1 << words.indexOf(checked.choice(word, what, words)), 0);
}

/** Returns a text, null for none. */
function textOf(value, what) {
  return value === undefined ? null : checked.text(value, what);
}

/** Waits until a conflict has ended. */
class Ending {
  constructor(store, id) {
    this.store = store;
    this.id = id;
  }

  start(queue, timeout, id) {
    return native.syncmgr_conflict_wait_start(this.store._handle(), this.id, timeout, queue, id,
      scratch.words);
  }

  succeed() {}

  undo() {
    return true;
  }

  end() {}

  subject() {
    return `conflict ${this.id} of ${this.store._subject()}`;
  }
}

/** One handler, until it is closed. */
class ConflictHandler {
  #handlers;

  constructor(handlers, types, decide) {
    this.#handlers = handlers;
    this.types = types;
    this.decide = checked.callable(decide, 'the handler');
    handlers.add(this);
  }

  /** Closing again does nothing. */
  close() {
    this.#handlers.delete(this);
  }

  [symbols.dispose]() {
    this.close();
  }
}

class Conflicts {
  #store;
  #handlers = new Set();

  constructor(store) {
    this.#store = store;
  }

  /** Declares a conflict, and resolves with it: with `auto`, which is true unless it is said
   *  otherwise, as it was resolved, by the handlers of this store or else by its strategy. */
  async detect(given) {
    const wanted = checked.options(given, DETECT_KEYS);
    const { type = TYPES[0], severity = 'medium', strategy = 'last_wins', auto = true } = wanted;
    const number = TYPES.indexOf(checked.choice(type, 'type', TYPES));
    const isAsked = checked.flags({ auto }, { auto: 1 }) !== 0 && this.#handlersOf(type).length > 0;
    const fields = {
      flags: checked.flags({ auto: auto && !isAsked, notify: wanted.notify },
        { auto: CONFLICT_AUTO, notify: CONFLICT_NOTIFY }),
      type: number,
      severity: SEVERITIES.indexOf(checked.choice(severity, 'severity', SEVERITIES)),
      strategy: strategyOf(strategy),
      timeout_ns: BigInt(checked.duration(wanted.timeout ?? DEFAULT_TIMEOUT, 'timeout')),
      sync_point: textOf(wanted.syncPoint, 'syncPoint'),
      workstreams: namesText(wanted.workstreams),
      reason: textOf(wanted.reason, 'reason'),
      data: wanted.data === undefined ? null : stringify(wanted.data, 'what the data are'),
    };
    scratch.longs[0] = 0n;
    const status = native.syncmgr_conflict_detect(this.#store._handle(),
      structures(OPTIONS, [fields]).memory, scratch.longs);
    const id = Number(scratch.longs[0]);
    // That it is unresolvable is what it says itself.
    if (status < 0 && (status !== E_FAILED || id === 0)) throw lastError(status);
    if (isAsked) await this.#ask(id, type);
    await this.#store._landed();
    return this.get(id);
  }

  /** A conflict as it is now. */
  get(id) {
    const number = checked.size(id, 'id');
    return readDocument((...memory) => (
      native.syncmgr_conflict_get(this.#store._handle(), number, ...memory)));
  }

  /** The conflicts for which all that is given is so, the oldest first. */
  list(given) {
    const { type, status, severity, syncPoint, workstream } = checked.options(given,
      ['type', 'status', 'severity', 'syncPoint', 'workstream']);
    const fields = {
      types: bitsOf(type, 'type', TYPES),
      statuses: status === 'open' ? constants.CONFLICT_OPEN : bitsOf(status, 'status', STATUSES),
      severities: bitsOf(severity, 'severity', SEVERITIES),
      sync_point: textOf(syncPoint, 'syncPoint'),
      workstream: textOf(workstream, 'workstream'),
    };
    return readDocument((...memory) => native.syncmgr_conflict_list(this.#store._handle(),
      structures(FILTER, [fields]).memory, ...memory));
  }

  /** Decides a conflict, and resolves with it. With a `value`, which is for 'custom' and 'manual',
   *  that is the result; by 'custom' without one the handlers of this store decide. */
  async resolve(id, strategy, given) {
    const wanted = checked.options(given, ['value', 'by']);
    const number = strategyOf(strategy);
    const value = wanted.value === undefined ? null : stringify(wanted.value, 'the value');
    const { type } = this.get(id);
    const isAsked = strategy === 'custom' && value === null && this.#handlersOf(type).length > 0;
    if (isAsked) {
      this.#claim(id);
      await this.#decide(id, type);
    } else {
      check(native.syncmgr_conflict_resolve(this.#store._handle(), id, number, value,
        textOf(wanted.by, 'by')));
    }
    await this.#store._landed();
    return this.get(id);
  }

  /** Ends a conflict without a result. */
  async ignore(id, given) {
    const { by } = checked.options(given, ['by']);
    check(native.syncmgr_conflict_ignore(this.#store._handle(), checked.size(id, 'id'),
      textOf(by, 'by')));
    await this.#store._landed();
  }

  /** Resolves with a conflict when it has ended. */
  async wait(id, given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    const number = checked.size(id, 'id');
    await this.#store.manager._queue().wait(new Ending(this.#store, number), timeout, signal);
    return this.get(id);
  }

  /** Forgets the conflicts that are resolved or ignored, and returns how many there were. */
  clear() {
    check(native.syncmgr_conflict_clear(this.#store._handle(), scratch.words));
    return scratch.words[0];
  }

  /** Registers `decide(conflict)` for conflicts of a type, of several, or with '*' of all. What it
   *  returns, or resolves with, is the result; with null or undefined, or when it fails, the next
   *  one is asked. */
  on(types, decide) {
    const words = types === '*' ? TYPES : typeof types === 'string' ? [types]
      : checked.list(types, 'the types');
    for (const word of words) checked.choice(word, 'type', TYPES);
    return new ConflictHandler(this.#handlers, [...words], decide);
  }

  #handlersOf(type) {
    return [...this.#handlers].filter(({ types }) => types.includes(type));
  }

  #claim(id) {
    check(native.syncmgr_conflict_claim(this.#store._handle(), id));
  }

  /** Lets the handlers decide a conflict that was just declared, unless somebody was faster. */
  async #ask(id, type) {
    try {
      this.#claim(id);
    } catch (error) {
      if (!(error instanceof BusyError || error instanceof AlreadyError)) throw error;
      await this.wait(id);
      return;
    }
    try {
      await this.#decide(id, type);
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
    }
  }

  /** Asks the handlers one after the other, and settles what is claimed. */
  async #decide(id, type) {
    const conflict = this.get(id);
    let value = null;
    for (const { decide } of this.#handlersOf(type)) {
      try {
        const answer = await decide(conflict);
        if (answer !== null && answer !== undefined) value = stringify(answer, 'the answer');
      } catch {
        // A handler that fails has no answer.
      }
      if (value !== null) break;
    }
    const status = native.syncmgr_conflict_settle(this.#store._handle(), id, value);
    // It has ended meanwhile: by somebody else, or because its time passed.
    if (status !== E_ALREADY) check(status);
  }
}

module.exports = { Conflicts, SEVERITIES };
