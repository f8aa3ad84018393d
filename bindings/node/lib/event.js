'use strict';
// Event: lets one waiter go on for each set, or, with manual reset, everybody until it is reset.

const { native } = require('./loader.js');
const { constants, structures } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const { SyncObject } = require('./object.js');
const scratch = require('./scratch.js');

const FLAGS = { manual: constants.EVENT_MANUAL_RESET, set: constants.EVENT_INITIALLY_SET };
const OPTIONS_SIZE = structures.syncmgr_event_options_t.bytes;

/** Waits until an event is set. */
class EventWait {
  constructor(event, manual) {
    this.event = event;
    this.manual = manual;
  }

  start(queue, timeout, id) {
    return native.syncmgr_event_wait_start(this.event._handle(), timeout, queue, id, scratch.words);
  }

  succeed() {}

  /** The set that this wait used up is for the next waiter. */
  undo() {
    if (!this.manual && !this.event.closed) this.event.set();
    return true;
  }

  end() {}

  subject() {
    return this.event._subject();
  }
}

class SyncEvent extends SyncObject {
  #manual;

  constructor(workstream, shared, name, given) {
    const bits = checked.flags(checked.options(given, Object.keys(FLAGS)), FLAGS);
    const structure = scratch.flagsStructure(OPTIONS_SIZE, bits);
    super(workstream, checked.text(name, 'name'), (owner) => {
      check(native.syncmgr_event_open(owner, name, structure, scratch.words));
      return scratch.handle();
    });
    this.#manual = (bits & constants.EVENT_MANUAL_RESET) !== 0;
    workstream._add(this);
  }

  /** Sets the event. Setting a set event changes nothing. */
  set() {
    check(native.syncmgr_event_set(this._handle()));
  }

  reset() {
    check(native.syncmgr_event_reset(this._handle()));
  }

  /** Resolves when the event is set; an auto-reset event is then reset. */
  async wait(given) {
    const { timeout, signal } = checked.waiting(given);
    signal?.throwIfAborted();
    return this.manager._queue().wait(new EventWait(this, this.#manual), timeout, signal);
  }

  /** Tells whether the event was set, and resets an auto-reset event. */
  tryWait() {
    const status = native.syncmgr_event_wait(this._handle());
    return status !== constants.E_TIMEOUT && check(status) >= 0;
  }

  /** Tells whether the event is set, and changes nothing. */
  isSet() {
    check(native.syncmgr_event_is_set(this._handle(), scratch.words));
    return scratch.words[0] === 1;
  }

  _subject() {
    return `Event "${this.name}"`;
  }

  _closeHandle(handle) {
    return native.syncmgr_event_close(handle);
  }
}

module.exports = { SyncEvent };
