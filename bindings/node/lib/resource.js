'use strict';
// Resource: something that is not ours, recorded by hand, so that deadlocks over it are found.

const { native } = require('./loader.js');
const { constants } = require('./api.js');
const checked = require('./arguments.js');
const { check } = require('./errors.js');
const { readHolders } = require('./holder.js');
const { SyncObject } = require('./object.js');
const scratch = require('./scratch.js');

class Resource extends SyncObject {
  constructor(workstream, name, instances) {
    const total = checked.parameter(instances, 'instances');
    super(workstream, checked.text(name, 'name'), (owner) => {
      check(native.syncmgr_resource_open(owner, name, total, scratch.words));
      return scratch.handle();
    });
    workstream._add(this);
  }

  /** Declares the most that this workstream will ever have, for the banker's check. */
  declare(most) {
    check(native.syncmgr_resource_declare(this._handle(), checked.count(most, 'most')));
  }

  /** Records that this workstream waits for so many. Returns whether so many are free. */
  request(count = 1) {
    const status = native.syncmgr_resource_request(this._handle(), checked.count(count, 'count'));
    return check(status) === constants.OK;
  }

  /** Records that it has got so many, and ends its request. */
  allocate(count = 1) {
    check(native.syncmgr_resource_allocate(this._handle(), checked.count(count, 'count')));
  }

  /** Records that so many were given back. */
  release(count = 1) {
    check(native.syncmgr_resource_release(this._handle(), checked.count(count, 'count')));
  }

  /** Ends the request without an allocation. */
  cancel() {
    check(native.syncmgr_resource_cancel(this._handle()));
  }

  /** How many are free. */
  get available() {
    check(native.syncmgr_resource_available(this._handle(), scratch.words));
    return scratch.words[0];
  }

  /** Who has some now. */
  holders() {
    const handle = this._handle();
    return readHolders((...memory) => native.syncmgr_resource_holders(handle, ...memory));
  }

  _closeHandle(handle) {
    return native.syncmgr_resource_close(handle);
  }
}

module.exports = { Resource };
