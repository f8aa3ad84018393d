'use strict';
// Leadership: one term of an election.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { lastError, NotOwnerError } = require('./errors.js');
const { addLeases } = require('./lease.js');
const symbols = require('./symbols.js');

const { E_LOST, E_NOT_OWNER, OK } = constants;

/** Publishes a result, a string or bytes, and returns the status. */
function publish(handle, result = '') {
  const bytes = checked.bytes(result, 'result');
  return native.syncmgr_election_finish(handle, bytes.length > 0 ? bytes : null, bytes.length);
}

/** One term. It ends by resign(), by finish(), or with its election, workstream or manager. */
class Leadership {
  #election;
  #seat;
  #term;

  constructor(election, seat, term) {
    this.#election = election;
    this.#seat = seat;
    this.#term = term;
    seat.holds = 1;
  }

  get leader() {
    return true;
  }

  /** The fencing token of the term, a BigInt that only ever grows. */
  get term() {
    return this.#term;
  }

  get released() {
    return this.#seat === undefined || this.#seat.closed;
  }

  /** Tells whether this leads still: the leadership may have been taken away by force. */
  isValid() {
    if (this.released) return false;
    return native.syncmgr_election_is_valid(this.#seat.handle, this.#term) === OK;
  }

  /** Ends the election by a result for everybody: a string, or bytes. */
  finish(result) {
    const handle = this._held();
    const status = publish(handle, result);
    const error = status < 0 ? lastError(status) : undefined;
    if (status === E_LOST) native.syncmgr_election_resign(handle);
    if (status === OK || status === E_LOST || status === E_NOT_OWNER) this.#end();
    if (error !== undefined) throw error;
  }

  /** Steps down, and the next candidate is elected. Calling again does nothing. Throws LostError
   *  when the leadership had been taken away by force. */
  resign() {
    if (this.#seat === undefined) return;
    const seat = this.#seat;
    const error = seat.closed ? undefined : this.#failure(seat.handle);
    this.#end();
    if (error !== undefined) throw error;
  }

  /** The same as resign(), under the name that all holds have. */
  release() {
    this.resign();
  }

  [symbols.dispose]() {
    this.resign();
  }

  async [symbols.asyncDispose]() {
    this.resign();
  }

  /** Returns the handle through which this leads. */
  _held() {
    if (this.released) throw new NotOwnerError(`${this.#election._subject()} is not led any more`);
    return this.#seat.handle;
  }

  #failure(handle) {
    const status = native.syncmgr_election_resign(handle);
    return status < 0 ? lastError(status) : undefined;
  }

  #end() {
    const seat = this.#seat;
    this.#seat = undefined;
    if (!seat.closed) this.#election._stepDown(seat);
  }
}

addLeases(Leadership);

module.exports = { Leadership, publish };
