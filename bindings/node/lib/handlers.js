'use strict';
// Handlers: what executes and undoes the operations of a name, also those that a dead process has
// begun.

const checked = require('./arguments.js');
const { ExistsError } = require('./errors.js');
const symbols = require('./symbols.js');

/** One handler, until it is closed. */
class Handler {
  #handlers;

  constructor(handlers, name, given) {
    const { execute, undo } = checked.options(given, ['execute', 'undo']);
    for (const call of [execute, undo]) {
      if (call !== undefined) checked.callable(call, 'what executes or undoes an operation');
    }
    checked.text(name, 'name');
    if (handlers.has(name)) throw new ExistsError(`the name "${name}" has a handler here`);
    this.#handlers = handlers;
    this.name = name;
    this.execute = execute;
    this.undo = undo;
    handlers.set(name, this);
  }

  /** Closing again does nothing. */
  close() {
    if (this.#handlers.get(this.name) === this) this.#handlers.delete(this.name);
  }

  [symbols.dispose]() {
    this.close();
  }
}

module.exports = { Handler };
