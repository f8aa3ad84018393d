'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { PATIENCE, newUrl, openSpace, sleep, until } = require('./helpers/setup.js');

const LOST = { name: 'LostError', code: 'ERR_SYNCMGR_LOST' };
const NOT_OWNER = { name: 'NotOwnerError', code: 'ERR_SYNCMGR_NOT_OWNER' };
const LONG = 3_600_000;
/** The kinds whose next owner is told. */
const TELLING = ['mutex', 'exclusive lock'];

/** A hold of each kind that can have a lease, and how another would get it. */
const kinds = {
  mutex: (space) => [space.mutex('m').acquire(), (options) => space.mutex('m').acquire(options)],
  'exclusive lock': (space) => [space.rwlock('r').lock(),
    (options) => space.rwlock('r').lock(options)],
  'shared lock': (space) => [space.rwlock('s').lock({ mode: 'shared' }),
    (options) => space.rwlock('s').lock(options)],
  permit: (space) => [space.semaphore('p', 1).acquire(),
    (options) => space.semaphore('p', 1).acquire(1, options)],
  leadership: (space) => [space.election('e').campaign(),
    (options) => space.election('e').campaign(options)],
};

describe('a lease', () => {
  for (const [name, take] of Object.entries(kinds)) {
    test(`ends the hold of a ${name}, and a waiter gets it`, async () => {
      const space = openSpace();
      let lost = 0;
      space.on('holdLost', () => { lost += 1; });
      const [holding, again] = take(space);
      const hold = await holding;
      assert.equal(hold.leaseRemaining, Infinity);
      assert.throws(() => hold.renewLease(), NOT_OWNER);
      const begin = performance.now();
      hold.lease(50);
      assert.ok(hold.leaseRemaining > 0 && hold.leaseRemaining <= 50);
      const next = await again({ timeout: PATIENCE });
      assert.ok(performance.now() - begin >= 49.9);
      if (hold.isValid !== undefined) assert.equal(hold.isValid(), false);
      assert.throws(() => hold.leaseRemaining, LOST);
      assert.throws(() => hold.renewLease(), LOST);
      assert.throws(() => hold.release(), LOST);
      hold.release();
      if (TELLING.includes(name)) assert.equal(next.recovered, true);
      next.release();
      await until(() => lost === 1, 'the loss is noticed');
      space.check();
    });

    test(`of a ${name} can be renewed, and taken off`, async () => {
      const space = openSpace();
      const [holding, again] = take(space);
      const hold = await holding;
      hold.lease(LONG);
      await sleep(5);
      const before = hold.leaseRemaining;
      hold.renewLease();
      assert.ok(hold.leaseRemaining > before);
      hold.lease(200);
      hold.lease(Infinity);
      assert.equal(hold.leaseRemaining, Infinity);
      await assert.rejects(again({ timeout: 300 }), { name: 'TimeoutError' });
      hold.release();
      for (const use of [() => hold.lease(5), () => hold.renewLease(), () => hold.leaseRemaining]) {
        assert.throws(use, NOT_OWNER);
      }
    });
  }

  test('belongs to one hold and is gone with it', async () => {
    const mutex = openSpace().workstream('w').mutex('m');
    const first = await mutex.acquire();
    first.lease(200);
    first.release();
    const second = await mutex.acquire();
    assert.equal(second.leaseRemaining, Infinity);
    await sleep(300);
    assert.equal(second.isValid(), true);
    second.release();
  });

  test('is renewed in the background while the process runs', async () => {
    const mutex = openSpace().mutex('m');
    const guard = await mutex.acquire();
    guard.lease(400, { renew: true });
    await sleep(1000);
    assert.equal(guard.isValid(), true);
    guard.release();
    const next = await mutex.acquire();
    await sleep(500);
    assert.equal(next.isValid(), true);
    next.release();
  });

  test('of a process that is stopped ends, and that one finds out', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const peer = run('lease-mutex', url, 900);
    assert.equal(await peer.line(), 'holds');
    await sleep(1500);
    assert.equal(space.mutex('m').holder.name, 'victim');
    process.kill(peer.pid, 'SIGSTOP');
    const guard = await space.mutex('m').acquire({ timeout: PATIENCE });
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.name, 'victim');
    process.kill(peer.pid, 'SIGCONT');
    peer.go();
    assert.equal(await peer.line(), 'valid false');
    assert.equal(guard.isValid(), true);
    guard.release();
    await peer.kill();
  });

  test('has a length and options that make sense', async () => {
    const guard = await openSpace().mutex('m').acquire();
    for (const length of [undefined, '5', null, 5n]) {
      assert.throws(() => guard.lease(length), TypeError);
    }
    for (const length of [-1, NaN]) assert.throws(() => guard.lease(length), RangeError);
    for (const length of [0, 0.5]) {
      assert.throws(() => guard.lease(length), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => guard.lease(5, { renews: true }), TypeError);
    assert.throws(() => guard.lease(5, { renew: 1 }), TypeError);
    assert.equal(guard.leaseRemaining, Infinity);
    guard.release();
  });

  test('is no part of a hold that waits at a condition', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    guard.lease(200);
    const wait = space.condition('c').wait(guard);
    await sleep(300);
    space.condition('c').signal();
    await wait;
    assert.equal(guard.leaseRemaining, Infinity);
    assert.equal(guard.isValid(), true);
    guard.release();
  });
});
