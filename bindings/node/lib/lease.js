'use strict';
// Lease: a hold that ends by itself unless it is renewed.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const FLAGS = { renew: constants.LEASE_RENEW };
const NANOSECONDS_PER_MILLISECOND = 1e6;

const methods = {
  /** Ends the hold after so many milliseconds from now, as if it was taken away by force. Infinity
   *  takes the lease off. With { renew: true } it is renewed in the background as long as this
   *  process runs: a process that is stopped loses its holds. */
  lease(milliseconds, given) {
    if (milliseconds === undefined) throw checked.typeError('a lease must be a number');
    const length = checked.duration(milliseconds, 'a lease');
    const flags = checked.flags(checked.options(given, Object.keys(FLAGS)), FLAGS);
    check(native.syncmgr_lease_set(this._held(), length, flags));
  },

  /** Begins the lease anew with its length. */
  renewLease() {
    check(native.syncmgr_lease_renew(this._held()));
  },

  /** How many milliseconds the lease still runs, Infinity without one. */
  get leaseRemaining() {
    const status = native.syncmgr_lease_remaining(this._held(), scratch.longs);
    // The hold is there, so it is a lease that is not.
    if (status === constants.E_NOT_OWNER) return Infinity;
    check(status);
    return Number(scratch.longs[0]) / NANOSECONDS_PER_MILLISECOND;
  },
};

/** Gives a class of holds the methods of leases. Its `_held()` returns the handle of the lock, or
 *  throws when the hold has been given back. */
function addLeases(type) {
  const descriptors = Object.getOwnPropertyDescriptors(methods);
  for (const descriptor of Object.values(descriptors)) descriptor.enumerable = false;
  Object.defineProperties(type.prototype, descriptors);
}

module.exports = { addLeases };
