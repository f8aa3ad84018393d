'use strict';
// Once: one does it, the others get the result.

const checked = require('./arguments.js');
const { constants } = require('./api.js');

/** Returns what everybody gets for a value: nothing stays nothing, all else is JSON. */
function encode(value) {
  const text = value === undefined ? '' : JSON.stringify(value);
  if (text === undefined) throw checked.typeError('the task must return what JSON can carry');
  if (Buffer.byteLength(text) <= constants.RESULT_MAX) return text;
  throw checked.rangeError('what the task returns is too long: as JSON it may have ' +
    `${constants.RESULT_MAX} bytes`);
}

function decode(text) {
  return text.length === 0 ? undefined : JSON.parse(text);
}

/** Runs `task(leadership)` once for all processes of a space, and resolves in all of them with what
 *  it returns, which travels as JSON of at most 256 bytes. `opener` is a manager or a workstream;
 *  `name` is the name of an election. When the task fails, or its process dies, the next one runs
 *  its own. reset() of the election lets it be run again. */
async function once(opener, name, task, given) {
  checked.callable(task, 'task');
  const election = opener.election(name);
  try {
    const outcome = await election.campaign(given);
    if (!outcome.leader) return decode(outcome.result.toString());
    const text = encode(await task(outcome));
    outcome.finish(text);
    return decode(text);
  } finally {
    // Who leads still has failed, and resigns by this.
    election.close();
  }
}

module.exports = { once };
