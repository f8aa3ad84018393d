'use strict';
// Transactions that are begun anew when somebody was faster, and those that dead processes left.

const { setTimeout: sleep } = require('node:timers/promises');
const { native } = require('./loader.js');
const { structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { BEGIN_KEYS, STATUSES } = require('./beginning.js');
const { readDocument } = require('./document.js');
const { ChangedError, DeadlockError, PreemptedError, TimeoutError, check } = require('./errors.js');
const scratch = require('./scratch.js');
const { structures } = require('./structures.js');

const FILTER = layouts.syncmgr_transaction_filter_t;
const KEYS = [...BEGIN_KEYS, 'retries', 'retryDelay', 'queued', 'signal'];
const ALL = 2 ** STATUSES.length - 1;
/** A delay grows up to so many times of the first. */
const LONGEST = 100;

/** Whether it is worth to begin anew. */
function isPassing(error) {
  return [ChangedError, DeadlockError, PreemptedError].some((type) => error instanceof type);
}

/** Waits before the next attempt, each time longer, and not as long as others do. */
function pause(attempt, delay, signal) {
  const longest = delay * Math.min(2 ** attempt, LONGEST);
  return sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch((error) => {
    throw signal?.aborted ? signal.reason : error;
  });
}

/** Runs `task(transaction)` in a transaction and commits it; begins anew after what may pass.
 *  Resolves with what the task returned. */
async function transact(store, task, given) {
  checked.callable(task, 'task');
  const { retries = 10, retryDelay = 1, queued, signal, timeout, ...rest } = checked.options(given,
    KEYS);
  checked.count(retries, 'retries');
  checked.duration(retryDelay, 'retryDelay');
  checked.duration(timeout, 'timeout');
  const end = performance.now() + (timeout ?? Infinity);
  for (let attempt = 0; ; attempt++) {
    checked.waiting({ signal }).signal?.throwIfAborted();
    const left = timeout === undefined ? undefined : Math.max(end - performance.now(), 0);
    const transaction = store.transaction({ ...rest, timeout: left });
    try {
      const result = await task(transaction);
      await transaction.commit({ queued, signal, timeout: left });
      return result;
    } catch (error) {
      if (!isPassing(error) || attempt >= retries) throw error;
      if (performance.now() >= end) throw new TimeoutError(`the time passed: ${error.message}`);
    } finally {
      await transaction.close().catch(() => {});
    }
    await pause(attempt, retryDelay, signal);
  }
}

/** Returns a record of a transaction as JavaScript knows it: its id is a number. */
function recordOf(record) {
  const { id, status, ...rest } = record;
  return { id: Number.parseInt(id, 16), status, ...rest };
}

/** The records of transactions, the oldest first. */
function listTransactions(store, given) {
  const { status, workstream } = checked.options(given, ['status', 'workstream']);
  const words = status === undefined ? [] : [status].flat();
  const bits = words.reduce(
    (sum, word) => sum | 1 << STATUSES.indexOf(checked.choice(word, 'status', STATUSES)), 0);
  const name = workstream === undefined ? null : checked.text(workstream, 'workstream');
  return readDocument((...memory) => {
    const filter = structures(FILTER, [{ statuses: status === undefined ? ALL : bits,
      workstream: name }]);
    return native.syncmgr_transaction_list(store._handle(), filter.memory, ...memory);
  }).map(recordOf);
}

/** The record of one transaction. */
function showTransaction(store, id) {
  const number = checked.size(id, 'id');
  return recordOf(readDocument((...memory) => (
    native.syncmgr_transaction_show(store._handle(), number, ...memory))));
}

/** Forgets those that ended more than so many milliseconds ago, and returns how many. */
function clearTransactions(store, age) {
  const nanoseconds = checked.duration(age, 'age');
  check(native.syncmgr_transaction_clear(store._handle(), nanoseconds, scratch.words));
  return scratch.words[0];
}

/** Ends what dead processes have left. Resolves with what was done, and what is left. */
async function recover(store) {
  const recovered = new Map();
  let left = [];
  const ask = () => {
    const report = readDocument((...memory) => (
      native.syncmgr_transaction_recover(store._handle(), ...memory)));
    for (const { id, status } of report.recovered.map(recordOf)) recovered.set(id, status);
    left = report.left.map(({ id, ...rest }) => ({ id: Number.parseInt(id, 16), ...rest }));
  };
  ask();
  // The handlers are JavaScript: what needs them is taken over, and undone here.
  if (!left.some(({ name }) => store._handlers.has(name))) {
    return { recovered: [...recovered].map(toRecord), left };
  }
  const errors = new Map();
  for (let transaction; (transaction = store._adopt()) !== null;) {
    const { id } = transaction;
    try {
      await transaction.rollback();
      recovered.set(id, 'rolled_back');
    } catch (error) {
      errors.set(id, error);
    } finally {
      await transaction.close().catch(() => {});
    }
  }
  left = left.filter(({ id }) => !recovered.has(id)).map((entry) => (
    errors.has(entry.id) ? { ...entry, error: errors.get(entry.id) } : entry));
  return { recovered: [...recovered].map(toRecord), left };
}

function toRecord([id, status]) {
  return { id, status };
}

module.exports = { clearTransactions, listTransactions, recover, showTransaction, transact };
