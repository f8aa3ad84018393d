'use strict';
// What objects have in common that hand something out to owners: a seat for each, see seats.js.

const { SyncObject } = require('./object.js');
const { OwnSeat, SeatPool } = require('./seats.js');

const NOTHING = () => 0;

class SeatedObject extends SyncObject {
  _seats;

  /** Takes its place among the workstream's objects. Objects of a manager, which are `shared`, have
   *  common seats under `key`, with handles from `open(workstream)`. `release(seat)` gives back
   *  what an own seat holds; `mineOf(handle)` is what the fast path writes for its owner. */
  _sit(shared, key, open, release, mineOf = NOTHING) {
    const subject = () => this._subject();
    this._seats = shared
      ? new SeatPool(this.workstream._seats(key), this.manager._handle(), open, mineOf, subject)
      : new OwnSeat(this._handle(), mineOf(this._handle()), subject, release);
    this.workstream._add(this);
  }

  _beforeClose() {
    this._seats.close();
  }

  _abandon() {
    super._abandon();
    this._seats.abandon();
  }

  _remains() {
    const [rest, leave] = [super._remains(), this._seats.remains()];
    return () => {
      leave();
      rest();
    };
  }
}

module.exports = { SeatedObject };
