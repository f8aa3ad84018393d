'use strict';
// How a transaction is driven to its aim. The library says what is to be done next; all that takes
// time is waited for here, by promises.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const { InvalidError, check, lastError } = require('./errors.js');
const { Landing } = require('./sight.js');

const STEP = layouts.syncmgr_step_t;
const LONGEST_TIMER = 2 ** 31 - 1;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const { AIM_ROLLBACK, E_TIMEOUT, STEP_DONE, STEP_EXECUTE, STEP_LOCK, STEP_SYNC, STEP_UNDO,
  STEP_VOTES, STEP_WAIT } = constants;

/** Resolves when `landing` does, or when the time has passed. */
async function landed(landing, timeout) {
  if (timeout < 0n) return landing;
  let timer;
  const milliseconds = Math.min(Math.ceil(Number(timeout) / NANOSECONDS_PER_MILLISECOND),
    LONGEST_TIMER);
  const late = new Promise((resolve) => { timer = setTimeout(resolve, milliseconds); });
  await Promise.race([landing, late]);
  clearTimeout(timer);
  return undefined;
}

/** Takes the next step, with the sentence of why the aim was missed. */
function nextStep(handle) {
  const memory = new DataView(new ArrayBuffer(STEP.bytes));
  check(native.syncmgr_transaction_step(handle, new Uint8Array(memory.buffer)));
  const status = memory.getInt32(STEP.status, true);
  return {
    kind: memory.getUint32(STEP.kind, true),
    index: memory.getUint32(STEP.index, true),
    mode: memory.getUint32(STEP.mode, true),
    error: status < 0 ? lastError(status) : undefined,
    revision: memory.getBigUint64(STEP.revision, true),
    timeout: memory.getBigInt64(STEP.timeout_ns, true),
  };
}

class Driver {
  #transaction;
  #stop;   // of what is waited for, while it is on its way
  #miss;   // rejects the outcome
  #turned; // why it goes back although nothing was missed
  #landings = new Map(); // of the operations that are under way, by their numbers
  #causes = new Map();   // what those have thrown that failed

  constructor(transaction) {
    this.#transaction = transaction;
  }

  /** Takes steps until the aim is reached. `outcome` resolves with the last of them, and rejects as
   *  soon as it is clear that it was missed, and all that can be undone now is. `settled` resolves
   *  when operations that were late then have come back and are undone, too. */
  drive(aim, savepoint, signal) {
    check(native.syncmgr_transaction_aim(this.#transaction._handle(), aim, savepoint));
    this.#turned = undefined;
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    signal?.addEventListener('abort', abort, { once: true });
    this.#stop = stop;
    const missed = new Promise((_, reject) => { this.#miss = reject; });
    const end = this.#run(aim, stop.signal)
      .finally(() => signal?.removeEventListener('abort', abort));
    return { outcome: Promise.race([end, missed]), settled: end.then(() => {}, () => {}) };
  }

  /** Goes back in the midst of the way to another aim, of which the outcome is the error. */
  turnBack(error) {
    check(native.syncmgr_transaction_aim(this.#transaction._handle(), AIM_ROLLBACK, null));
    this.#turned = error;
    this.#stop.abort(error);
    for (const index of this.#landings.keys()) this.#leaveLate(index, error);
  }

  async #run(aim, signal) {
    let error;
    for (;;) {
      const step = nextStep(this.#transaction._handle());
      if (step.error !== undefined) error ??= this.#explained(step.error);
      error ??= this.#turned;
      if (step.kind === STEP_DONE) {
        if (error !== undefined) throw error;
        return step;
      }
      if (step.kind === STEP_WAIT && error !== undefined) this.#leaveLate(step.index, error);
      const failure = await this.#take(step, signal);
      // What was not to be had ends the transaction, and so does who does not want to wait.
      if (failure === undefined) continue;
      error ??= failure;
      this.#goBack(aim, failure);
    }
  }

  /** Does what a step says. Resolves with an error when something was waited for in vain. */
  async #take(step, signal) {
    const transaction = this.#transaction;
    const queue = transaction._store.manager._queue();
    try {
      switch (step.kind) {
        case STEP_EXECUTE:
        case STEP_UNDO:
          this.#begin(step.index, step.kind === STEP_UNDO);
          break;
        case STEP_WAIT:
          if (transaction._isGoingBack) transaction._operation(step.index)._abort();
          await landed(this.#landingOf(step.index), step.timeout);
          break;
        case STEP_LOCK:
          await transaction._lockTarget(transaction._operation(step.index).target, step.mode,
            step.timeout, signal);
          break;
        case STEP_VOTES:
          await transaction._store._sight(null, step.revision, step.timeout, signal);
          break;
        case STEP_SYNC:
          await queue.wait(new Landing(transaction._store, step.revision), step.timeout, signal);
          break;
        default:
          throw new Error(`this binding does not know the step ${step.kind}`);
      }
    } catch (error) {
      // That the time passed is for the next step to say.
      const isOver = error?.status === E_TIMEOUT && step.kind !== STEP_LOCK;
      if (!isOver) return error;
    }
    return undefined;
  }

  #begin(index, isUndo) {
    const landing = this.#transaction._operation(index)._run(isUndo).then((failure) => {
      this.#landings.delete(index);
      if (failure !== undefined) this.#causes.set(index, failure);
    });
    this.#landings.set(index, landing);
  }

  /** The outcome does not wait for an operation that has yet to come back, to be undone. */
  #leaveLate(index, error) {
    const operation = this.#transaction._operation(index);
    if (operation.state === 'undoing') return;
    operation._abort(error);
    this.#miss(error);
  }

  #landingOf(index) {
    const landing = this.#landings.get(index);
    if (landing !== undefined) return landing;
    throw new InvalidError(`operation ${index} was not begun here, and cannot come back`);
  }

  #goBack(aim, failure) {
    if (aim === AIM_ROLLBACK) throw failure;
    if (failure === this.#turned) return;
    const status = native.syncmgr_transaction_aim(this.#transaction._handle(), AIM_ROLLBACK, null);
    // What has voted is not its own to roll back any more.
    if (status < 0) throw failure;
  }

  /** An operation's own error says more than the library can. */
  #explained(error) {
    const [cause] = this.#causes.values();
    if (cause !== undefined && cause !== error) error.cause ??= cause;
    this.#causes.clear();
    return error;
  }
}

module.exports = { Driver };
