'use strict';
// Operations of a transaction: what is to be done with a commit besides the changes of the store.

const { native } = require('./loader.js');
const { constants, structures: layouts } = require('./api.js');
const checked = require('./arguments.js');
const { decode, encode, valueOf } = require('./cell.js');
const { InvalidError, NotFoundError, SyncError, check } = require('./errors.js');
const { jsonText } = require('./messages.js');
const scratch = require('./scratch.js');
const { emptyStructures, structures, withRoom } = require('./structures.js');

const OPERATION = layouts.syncmgr_operation_t;
const TYPES = ['read', 'write', 'create', 'delete', 'lock', 'unlock', 'custom'];
const STATES = ['waiting', 'executing', 'executed', 'failed', 'late', 'undoing', 'undone',
  'undo_failed', 'left_out'];
const KEYS = ['type', 'target', 'value', 'valueType', 'parameters', 'name', 'id', 'timeout',
  'execute', 'undo'];
const RESULT_MAX = 65_536;
const { E_FAILED, E_TOO_LARGE, OK, OPERATION_BY_STEPS, OPERATION_TIMEOUT } = constants;

/** Returns the structure of an operation that is to be added. */
function structureOf(given) {
  const { type = 'custom', value, execute, undo, name, id, target, parameters } = given;
  const text = (word, what) => (word === undefined ? null : checked.text(word, what));
  for (const call of [execute, undo]) {
    if (call !== undefined) checked.callable(call, 'what executes or undoes an operation');
  }
  const isByHand = [name, execute, undo].some((part) => part !== undefined);
  const hasValue = value !== undefined || type === 'write' || type === 'create';
  const { type: dataType, bytes } = hasValue ? encode(value, given.valueType)
    : { type: 0, bytes: null };
  const timeout = given.timeout === undefined ? OPERATION_TIMEOUT
    : checked.duration(given.timeout, 'timeout');
  return structures(OPERATION, [{
    type: TYPES.indexOf(checked.choice(type, 'type', TYPES)),
    flags: isByHand ? OPERATION_BY_STEPS : 0,
    data_type: dataType,
    name: text(name, 'name'),
    id: text(id, 'id'),
    target: text(target, 'target'),
    parameters: jsonText(parameters, 'what the parameters are'),
    data: bytes,
    timeout_ns: BigInt(timeout),
  }]);
}

/** A result as others can read it: JSON, or bytes as they are. Null when it cannot be written. */
function resultBytes(result) {
  if (result === undefined) return Buffer.alloc(0);
  try {
    const isBytes = result instanceof ArrayBuffer || ArrayBuffer.isView(result);
    const bytes = isBytes ? checked.bytes(result, 'the result')
      : Buffer.from(jsonText(result) ?? '');
    return bytes.length <= RESULT_MAX ? bytes : null;
  } catch {
    return null;
  }
}

/** The result that somebody wrote. */
function resultOf(bytes) {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return Buffer.from(bytes);
  }
}

/** One operation, as it is given to what executes and undoes it. */
class Operation {
  #transaction;
  #execute;
  #undo;
  #abort = new AbortController();
  #result; // what it returned here, in a list of one

  constructor(transaction, index, fields, { execute, undo } = {}) {
    this.#transaction = transaction;
    this.#execute = execute;
    this.#undo = undo;
    this.index = index;
    Object.assign(this, fields);
    Object.freeze(this);
  }

  get transaction() {
    return this.#transaction;
  }

  /** Aborted when its time has passed, or all is rolled back, before it has come back. */
  get signal() {
    return this.#abort.signal;
  }

  /** How far it is. */
  get state() {
    return STATES[this.#stored().state] ?? 'failed';
  }

  /** What came of its execution; of a 'read' the value of its target. */
  get result() {
    if (this.#result !== undefined) return this.#result[0];
    return this.#stored().result;
  }

  /** Executes or undoes it, and reports what came of it. Resolves with the error that it threw, or
   *  with undefined. */
  async _run(isUndo) {
    let status = OK;
    let bytes = Buffer.alloc(0);
    let failure;
    try {
      const call = this.#callOf(isUndo);
      const result = await call?.(this);
      if (!isUndo) {
        this.#result = [result];
        bytes = resultBytes(result);
      }
    } catch (error) {
      failure = error;
      const isStatus = error instanceof SyncError && error.status < 0;
      status = isStatus ? error.status : E_FAILED;
    }
    this.#report(status, bytes);
    return failure;
  }

  _abort(reason) {
    this.#abort.abort(reason);
  }

  /** What executes or undoes it: its own functions, or those of the handler of its name. */
  #callOf(isUndo) {
    if (this.name === undefined) return isUndo ? this.#undo : this.#execute;
    const handler = this.#transaction._store._handlers.get(this.name);
    if (handler === undefined) {
      throw new NotFoundError(`no handler of this store has the name "${this.name}"`);
    }
    if (!isUndo && handler.execute === undefined) {
      throw new InvalidError(`the handler "${this.name}" of this store only undoes`);
    }
    return isUndo ? handler.undo : handler.execute;
  }

  /** When the transaction was closed meanwhile nobody is there to hear it. */
  #report(status, bytes) {
    const handle = this.#transaction._openHandle;
    if (handle === 0) return;
    const length = bytes?.length ?? 0;
    native.syncmgr_transaction_report(handle, this.index, status, length === 0 ? null : bytes,
      length);
  }

  #stored() {
    const handle = this.#transaction._handle();
    let length;
    const bytes = withRoom((memory) => {
      const status = native.syncmgr_transaction_result(handle, this.index, scratch.words, memory,
        memory.length, scratch.longs.subarray(1, 2));
      length = Number(scratch.longs[1]);
      if (status === E_TOO_LARGE) return Math.max(length, 1);
      check(status);
      return 0;
    }).subarray(0, length);
    const state = scratch.words[0];
    if (this.type !== 'read') return { state, result: resultOf(bytes) };
    const copy = Buffer.from(bytes);
    if (STATES[state] !== 'executed') return { state, result: undefined };
    return { state, result: valueOf(this.#transaction._typeOf(this.target), copy) };
  }
}

/** Adds an operation to a transaction. */
function addOperation(transaction, given) {
  const wanted = checked.options(given, KEYS);
  const { type = 'custom', value, name, id, target, parameters } = wanted;
  if (name !== undefined && (wanted.execute !== undefined || wanted.undo !== undefined)) {
    throw checked.typeError('an operation with a name is executed and undone by its handler');
  }
  if (name !== undefined) transaction._checkName(name);
  const structure = structureOf(wanted);
  check(native.syncmgr_transaction_add(transaction._handle(), structure.memory, scratch.words));
  return new Operation(transaction, scratch.words[0], { type, value, name, id, target, parameters },
    wanted);
}

/** Reads an operation that another process has added. */
function readOperation(transaction, index) {
  let operation;
  const bytes = withRoom((memory) => {
    operation = emptyStructures(OPERATION, 1);
    const status = native.syncmgr_transaction_operation(transaction._handle(), index,
      operation.memory, memory, memory.length, scratch.longs);
    if (status === E_TOO_LARGE) return Number(scratch.longs[0]);
    check(status);
    return 0;
  });
  const text = (field) => operation.text(0, field, bytes) ?? undefined;
  const parameters = text(OPERATION.parameters);
  const data = operation.bytes(0, OPERATION.data, bytes);
  return new Operation(transaction, index, {
    type: TYPES[operation.word(0, OPERATION.type)],
    value: data === null ? undefined : decode(operation.word(0, OPERATION.data_type), data).value,
    name: text(OPERATION.name),
    id: text(OPERATION.id),
    target: text(OPERATION.target),
    parameters: parameters === undefined ? undefined : JSON.parse(parameters),
  });
}

module.exports = { Operation, addOperation, readOperation };
