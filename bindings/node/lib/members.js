'use strict';
// The objects of a manager that are open, as long as anybody has them.
//
// Programs open an object where they need it, for each request, and do not close it. So it is not
// kept here: when nobody has it any more it is closed. Who waits through it or holds anything
// through it has it, and so have its seats that are taken.

const { addon } = require('./loader.js');

const registry = new FinalizationRegistry(({ members, reference, remains }) => {
  if (members.deleteReference(reference)) remains();
});

class PassingMembers {
  #references = new Set();

  add(object) {
    const reference = new WeakRef(object);
    object._reference = reference;
    this.#references.add(reference);
    addon.weigh(1);
    const remains = object._remains();
    registry.register(object, { members: this, reference, remains }, reference);
  }

  delete(object) {
    this.deleteReference(object._reference);
  }

  /** Returns whether it was there. */
  deleteReference(reference) {
    if (!this.#references.delete(reference)) return false;
    registry.unregister(reference);
    addon.weigh(-1);
    return true;
  }

  clear() {
    for (const reference of this.#references) registry.unregister(reference);
    addon.weigh(-this.#references.size);
    this.#references.clear();
  }

  /** Those that somebody has. */
  * [Symbol.iterator]() {
    for (const reference of this.#references) {
      const object = reference.deref();
      if (object !== undefined) yield object;
    }
  }
}

module.exports = { PassingMembers };
