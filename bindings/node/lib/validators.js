'use strict';
// Validators: what may be written through a store of this program. They are asked before a commit,
// and may take their time; rules that hold for every process and language are constraints.

const checked = require('./arguments.js');
const { matcher } = require('./entry.js');
const { InvalidError } = require('./errors.js');
const symbols = require('./symbols.js');

/** One validator, until it is closed. */
class Validator {
  #validators;

  constructor(validators, pattern, check) {
    this.#validators = validators;
    this.pattern = pattern;
    this.matches = matcher(pattern);
    this.check = checked.callable(check, 'the validator');
    validators.add(this);
  }

  /** Closing again does nothing. */
  close() {
    this.#validators.delete(this);
  }

  [symbols.dispose]() {
    this.close();
  }
}

/** Asks the validators for each change: `{ key, value }`, without a value for a deletion. Resolves
 *  when none refuses, by an error, by `false`, or by a sentence that says why. */
async function validate(validators, changes) {
  for (const change of changes) {
    for (const { pattern, matches, check } of [...validators]) {
      if (!matches(change.key)) continue;
      const answer = await check(change);
      if (answer === undefined || answer === true) continue;
      const reason = typeof answer === 'string' ? `: ${answer}` : '';
      throw new InvalidError(`the validator of "${pattern}" refuses the change of ` +
        `"${change.key}"${reason}`);
    }
  }
}

module.exports = { Validator, validate };
