'use strict';
// Resolving: one value out of several. These functions open nothing.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { readDocument, stringify } = require('./document.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const ORDERS = ['equal', 'before', 'after', 'concurrent'];

/** The numbers of the strategies, by the words that conflicts have for them. */
const STRATEGIES = {};
for (const [name, value] of Object.entries(constants)) {
  const [, word] = /^STRATEGY_(.*)/.exec(name) ?? [];
  if (word !== undefined) STRATEGIES[word.toLowerCase()] = value;
}

/** Returns the number of a strategy. */
function strategyOf(name) {
  return STRATEGIES[checked.choice(name, 'the strategy', Object.keys(STRATEGIES))];
}

/** Decides between candidates: a list of { value, time, version, workstream, priority, clock }, or
 *  an object that has them as `candidates` and with them `base` or `id`. */
function resolve(strategy, candidates) {
  const number = strategyOf(strategy);
  const text = stringify(candidates, 'what the candidates are');
  return readDocument((...memory) => native.syncmgr_resolve(number, text, ...memory),
    4096 + 4 * text.length);
}

/** Says what the first clock is to the second: 'equal', 'before', 'after' or 'concurrent'. */
function compareClocks(left, right) {
  check(native.syncmgr_clock_compare(stringify(left, 'a clock'), stringify(right, 'a clock'),
    scratch.words));
  return ORDERS[scratch.words[0]];
}

/** Returns the clock that knows what both know, and with `replica` one more change of that. */
function mergeClocks(left, right, replica) {
  const text = (clock) => (clock === undefined || clock === null ? null
    : stringify(clock, 'a clock'));
  const texts = [text(left), text(right)];
  const name = replica === undefined ? null : checked.text(replica, 'replica');
  return readDocument((...memory) => native.syncmgr_clock_merge(...texts, name, ...memory));
}

module.exports = { compareClocks, mergeClocks, resolve, strategyOf };
