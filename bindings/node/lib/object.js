'use strict';
// What all synchronization objects have in common.

const { closedError, check } = require('./errors.js');
const symbols = require('./symbols.js');

class SyncObject {
  #handle;
  #workstream;
  #name;

  /** `open(workstream)` opens the object and returns a handle of it. Whoever extends this adds the
   *  object to its workstream when it is complete. */
  constructor(workstream, name, open) {
    this.#workstream = workstream;
    this.#name = name;
    this.#handle = open(workstream._handle());
  }

  get name() {
    return this.#name;
  }

  get closed() {
    return this.#handle === 0;
  }

  get workstream() {
    return this.#workstream;
  }

  get manager() {
    return this.#workstream.manager;
  }

  /** Closes the object: what was taken through it is released, its waits end by ClosedError.
   *  Closing again does nothing. */
  close() {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this._beforeClose();
    this._abandon();
    this.#workstream._remove(this);
    check(this._closeHandle(handle));
  }

  [symbols.dispose]() {
    this.close();
  }

  async [symbols.asyncDispose]() {
    this.close();
  }

  [symbols.inspect]() {
    return `${this._subject()}${this.closed ? ' (closed)' : ''}`;
  }

  /** Returns the open handle. */
  _handle() {
    if (this.#handle === 0) throw closedError(this._subject());
    return this.#handle;
  }

  /** Says what this is in an error's sentence. */
  _subject() {
    return `${this.constructor.name} "${this.#name}"`;
  }

  /** Whether somebody must be told when the program ends now. */
  _isHeld() {
    return false;
  }

  /** Releases what the object itself keeps open. */
  _beforeClose() {}

  /** Returns what closes the handle when nobody has the object any more. What it uses must not lead
   *  to the object. */
  _remains() {
    const [handle, close] = [this.#handle, this._closeHandle];
    return () => { close(handle); };
  }

  /** The handle is closed, by this object or with its workstream. */
  _abandon() {
    this.#handle = 0;
  }
}

module.exports = { SyncObject };
