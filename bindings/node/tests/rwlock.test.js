'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { PATIENCE, newUrl, openSpace, randomNumbers, sleep, syncmgr, until } =
  require('./helpers/setup.js');

const SHARED = { mode: 'shared' };
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const DEADLOCK = { name: 'DeadlockError', code: 'ERR_SYNCMGR_DEADLOCK' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };

describe('readers-writer lock', () => {
  test('many share it, one has it exclusively', async () => {
    const lock = openSpace().rwlock('r');
    const [one, other] = [await lock.lock(SHARED), lock.tryLock(SHARED)];
    assert.ok(one instanceof syncmgr.RWGuard);
    assert.deepEqual([one.mode, other.mode], ['shared', 'shared']);
    assert.equal(lock.tryLock(), null);
    assert.equal(lock.tryLock({ mode: 'exclusive' }), null);
    one.release();
    assert.equal(lock.tryLock(), null);
    other.release();
    assert.equal(one.mode, undefined);
    const writer = await lock.lock();
    assert.equal(writer.mode, 'exclusive');
    assert.equal(lock.tryLock(SHARED), null);
    assert.equal(lock.tryLock(), null);
    writer.release();
    lock.tryLock(SHARED).release();
  });

  test('tasks of one program read together and write alone', async () => {
    const random = randomNumbers();
    const lock = openSpace().rwlock('r');
    let [readers, writers, most] = [0, 0, 0];
    await Promise.all(Array.from({ length: 200 }, async () => {
      const mode = random(4) === 0 ? 'exclusive' : 'shared';
      const guard = await lock.lock({ mode });
      if (mode === 'shared') readers += 1;
      else writers += 1;
      most = Math.max(most, readers);
      assert.ok(writers === 0 || (writers === 1 && readers === 0));
      await sleep(random(2));
      if (mode === 'shared') readers -= 1;
      else writers -= 1;
      guard.release();
    }));
    assert.ok(most > 1, 'readers are never together');
    lock.tryLock().release();
  });

  test('fair: served in the order of arrival', async () => {
    const lock = openSpace().rwlock('r', { fair: true });
    const order = [];
    const first = await lock.lock();
    const waits = ['shared', 'exclusive', 'shared', 'shared', 'exclusive'].map((mode, index) =>
      lock.lock({ mode }).then((guard) => {
        order.push(index);
        guard.release();
      }));
    first.release();
    await Promise.all(waits);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  });

  test('a writer is not kept out by readers that come and go', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    let stop = false;
    const readers = Array.from({ length: 4 }, async () => {
      let guard = await lock.lock(SHARED);
      // Each takes the next hold before it gives this one back: some reader is always inside.
      while (!stop) {
        const next = lock.lock(SHARED);
        await sleep(1);
        guard.release();
        guard = await next;
      }
      guard.release();
    });
    await sleep(10);
    const writer = await lock.lock({ timeout: PATIENCE });
    stop = true;
    writer.release();
    await Promise.all(readers);
  });

  test('a reader that holds it already is let in past a waiting writer', async () => {
    const space = openSpace();
    const lock = space.workstream('reader').rwlock('r');
    const first = await lock.lock(SHARED);
    const writer = space.rwlock('r').lock();
    await sleep(5);
    const second = await lock.lock({ mode: 'shared', timeout: PATIENCE });
    assert.equal(lock.holders()[0].amount, 2);
    first.release();
    assert.equal(lock.holders()[0].amount, 1);
    second.release();
    (await writer).release();
  });

  test('read and write run their task in that mode', async () => {
    const lock = openSpace().rwlock('r');
    assert.equal(await lock.read((guard) => {
      assert.equal(guard.mode, 'shared');
      lock.tryLock(SHARED).release();
      return 1;
    }), 1);
    assert.equal(await lock.write(async (guard) => {
      assert.equal(guard.mode, 'exclusive');
      assert.equal(lock.tryLock(SHARED), null);
      return 2;
    }), 2);
    await assert.rejects(lock.read(() => { throw new Error('mine'); }), { message: 'mine' });
    await assert.rejects(lock.write(async () => { throw new Error('mine'); }), { message: 'mine' });
    const guard = lock.tryLock();
    await assert.rejects(lock.read(() => {}, { timeout: 5 }), TIMEOUT);
    await assert.rejects(lock.write(() => {}, { timeout: 0 }), TIMEOUT);
    await assert.rejects(lock.write(5), TypeError);
    guard.release();
    lock.tryLock().release();
  });

  test('both ways of using dispose release, and releasing again does nothing', async () => {
    const lock = openSpace().rwlock('r');
    (await lock.lock())[Symbol.dispose]();
    const guard = await lock.lock(SHARED);
    await guard[Symbol.asyncDispose]();
    const writer = await lock.lock();
    guard.release();
    assert.equal(guard.released, true);
    assert.equal(guard.isValid(), false);
    assert.equal(writer.isValid(), true);
    writer.release();
  });

  test('tokens only grow, and tell whether the hold is still there', async () => {
    const lock = openSpace().rwlock('r');
    let last = -1n;
    for (const mode of ['shared', 'exclusive', 'shared', 'exclusive']) {
      const guard = await lock.lock({ mode });
      assert.equal(typeof guard.token, 'bigint');
      assert.ok(guard.token > last);
      last = guard.token;
      assert.equal(guard.isValid(), true);
      guard.release();
      assert.equal(guard.token, last);
    }
    const silent = await lock.lock();
    silent.release();
    assert.throws(() => silent.token, { code: 'ERR_SYNCMGR_NOT_OWNER' });
  });

  test('holders are known', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    assert.deepEqual(lock.holders(), []);
    const me = space.workstream('w');
    const guard = await me.rwlock('r').lock(SHARED);
    const holder = { workstream: me.id, name: 'w', pid: process.pid, token: guard.token };
    assert.deepEqual(lock.holders(), [{ ...holder, amount: 1, mode: 'shared' }]);
    for (let index = 0; index < 20; index++) await lock.lock(SHARED);
    assert.equal(lock.holders().length, 21);
    guard.release();
    lock.close();
    const writer = await me.rwlock('r').lock();
    assert.deepEqual(me.rwlock('r').holders(),
      [{ ...holder, token: writer.token, amount: 1, mode: 'exclusive' }]);
  });

  test('a workstream that would wait for itself is told', async () => {
    const lock = openSpace().workstream('w').rwlock('r');
    const writer = await lock.lock();
    await assert.rejects(lock.lock(), DEADLOCK);
    await assert.rejects(lock.lock(SHARED), DEADLOCK);
    assert.throws(() => lock.tryLock(), DEADLOCK);
    writer.release();
    const reader = await lock.lock(SHARED);
    await assert.rejects(lock.lock(), DEADLOCK);
    reader.release();
  });

  test('a name has one type, flags are parameters, and what nobody reads is refused', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    assert.throws(() => space.rwlock('r', { fair: true }), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.mutex('r'), { code: 'ERR_SYNCMGR_TYPE' });
    assert.throws(() => space.rwlock('r', { recursive: true }), TypeError);
    await assert.rejects(lock.lock({ mode: 'both' }), RangeError);
    await assert.rejects(lock.lock({ mode: 1 }), TypeError);
    await assert.rejects(lock.read(() => {}, { mode: 'exclusive' }), TypeError);
    assert.throws(() => lock.tryLock({ timeout: 5 }), TypeError);
    lock.tryLock().release();
    assert.throws(() => space.remove('rwlock', 'r'), { code: 'ERR_SYNCMGR_BUSY' });
    lock.close();
    space.remove('rwlock', 'r');
    assert.equal(inspect(lock), 'RWLock "r" (closed)');
  });
});

describe('what ends a hold of a readers-writer lock', () => {
  test('force: the next owners are told, the old one gets LostError', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    assert.equal(lock.forceRelease(), false);
    const me = space.workstream('slow');
    const old = await me.rwlock('r').lock();
    assert.equal(old.isValid(), true);
    assert.equal(lock.forceRelease(), true);
    assert.equal(old.isValid(), false);
    const reader = await lock.lock({ mode: 'shared', timeout: PATIENCE });
    assert.equal(reader.recovered, true);
    assert.equal(reader.previousOwner.name, 'slow');
    assert.equal(reader.previousOwner.workstream, me.id);
    assert.throws(() => old.release(), { name: 'LostError', code: 'ERR_SYNCMGR_LOST' });
    old.release();
    reader.release();
    const writer = await lock.lock();
    assert.equal(writer.recovered, true);
    writer.release();
    const clean = await lock.lock();
    assert.equal(clean.recovered, false);
    assert.equal(clean.previousOwner, null);
    clean.release();
    assert.equal(lock.previousOwner.name, 'slow');
  });

  test('readers are forced out without a word to the next', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    const old = [await lock.lock(SHARED), await lock.lock(SHARED)];
    assert.equal(lock.forceRelease(), true);
    const writer = lock.tryLock();
    assert.equal(writer.recovered, false);
    for (const guard of old) assert.throws(() => guard.release(), { code: 'ERR_SYNCMGR_LOST' });
    writer.release();
    lock.tryLock().release();
    space.check();
  });

  test('closing releases, ends waits, and is idempotent', async () => {
    const space = openSpace();
    for (const opener of [space, space.workstream('w')]) {
      const lock = opener.rwlock('r');
      const other = space.workstream().rwlock('r');
      const guard = await lock.lock();
      const wait = other.lock();
      other.close();
      await assert.rejects(wait, CLOSED);
      lock.close();
      lock.close();
      assert.equal(guard.released, true);
      guard.release();
      await assert.rejects(lock.lock(), CLOSED);
      for (const use of [() => lock.tryLock(), () => lock.holders(), () => lock.previousOwner,
        () => lock.forceRelease()]) {
        assert.throws(use, CLOSED);
      }
      const next = space.rwlock('r').tryLock();
      assert.equal(next.recovered, false);
      next.release();
    }
  });

  test('closing ends an upgrade', async () => {
    const space = openSpace();
    const lock = space.rwlock('r');
    const other = await space.workstream('w').rwlock('r').lock(SHARED);
    const guard = await lock.lock(SHARED);
    const upgrade = guard.upgrade();
    lock.close();
    await assert.rejects(upgrade, CLOSED);
    assert.equal(guard.released, true);
    other.release();
    space.rwlock('r').tryLock().release();
  });

  test('an abort that races with the grant gives it back', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const lock = space.rwlock('r');
    for (let round = 0; round < 500; round++) {
      const guard = await lock.lock();
      const controller = new AbortController();
      const mode = random(2) === 0 ? 'shared' : 'exclusive';
      const wait = lock.lock({ mode, signal: controller.signal }).then(
        (granted) => granted.release(),
        (error) => assert.equal(error.name, 'AbortError'));
      const steps = [() => guard.release(), () => controller.abort()];
      if (random(2) === 0) steps.reverse();
      steps[0]();
      if (random(2) === 0) await sleep(0);
      steps[1]();
      await wait;
    }
    await until(() => lock.holders().length === 0, 'all is given back');
    space.check();
  });

  test('two spaces of one name are two locks only when their URLs differ', async () => {
    const url = newUrl();
    const guard = await openSpace(url).rwlock('r').lock();
    assert.equal(openSpace(url).rwlock('r').tryLock(SHARED), null);
    openSpace().rwlock('r').tryLock().release();
    guard.release();
  });
});
