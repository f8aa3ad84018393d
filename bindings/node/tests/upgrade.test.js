'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { PATIENCE, openSpace, randomNumbers, sleep } = require('./helpers/setup.js');

const SHARED = { mode: 'shared' };
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const DEADLOCK = { name: 'DeadlockError', code: 'ERR_SYNCMGR_DEADLOCK' };
const LOST = { name: 'LostError', code: 'ERR_SYNCMGR_LOST' };

describe('upgrade and downgrade', () => {
  test('an upgrade waits for the other readers, and no new ones come in', async () => {
    const lock = openSpace().rwlock('r');
    const [mine, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    const { token } = mine;
    const upgrade = mine.upgrade({ timeout: PATIENCE });
    await sleep(5);
    assert.equal(mine.mode, 'shared');
    assert.equal(lock.tryLock(SHARED), null);
    other.release();
    await upgrade;
    assert.equal(mine.mode, 'exclusive');
    assert.ok(mine.token > token);
    assert.equal(mine.isValid(), true);
    assert.equal(lock.holders()[0].mode, 'exclusive');
    mine.release();
    lock.tryLock().release();
  });

  test('the second that upgrades is told at once', async () => {
    const lock = openSpace().rwlock('r');
    const [one, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    const upgrade = one.upgrade();
    await assert.rejects(other.upgrade({ timeout: PATIENCE }), DEADLOCK);
    assert.equal(other.isValid(), true);
    other.release();
    await upgrade;
    one.release();
  });

  test('when it does not succeed the hold stays shared', async () => {
    const lock = openSpace().rwlock('r');
    const [mine, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    await assert.rejects(mine.upgrade({ timeout: 5 }), TIMEOUT);
    await assert.rejects(mine.upgrade({ timeout: 0 }), TIMEOUT);
    const controller = new AbortController();
    const upgrade = mine.upgrade({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(upgrade, { message: 'enough' });
    await assert.rejects(mine.upgrade({ signal: controller.signal }), { message: 'enough' });
    assert.equal(mine.mode, 'shared');
    assert.equal(mine.isValid(), true);
    lock.tryLock(SHARED).release();
    other.release();
    mine.release();
    lock.tryLock().release();
  });

  test('an abort that races with the upgrade leaves one or the other', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const lock = space.rwlock('r');
    for (let round = 0; round < 500; round++) {
      const [mine, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
      const controller = new AbortController();
      const upgrade = mine.upgrade({ signal: controller.signal })
        .then(() => 'exclusive', () => 'shared');
      const steps = [() => other.release(), () => controller.abort()];
      if (random(2) === 0) steps.reverse();
      steps[0]();
      if (random(2) === 0) await sleep(0);
      steps[1]();
      const mode = await upgrade;
      assert.equal(mine.mode, mode);
      assert.equal(lock.holders()[0].mode, mode);
      mine.release();
    }
    assert.deepEqual(lock.holders(), []);
    space.check();
  });

  test('nobody is in between when it is turned into a shared hold', async () => {
    const lock = openSpace().rwlock('r');
    const guard = await lock.lock();
    const writer = lock.lock();
    const { token } = guard;
    guard.downgrade();
    assert.equal(guard.mode, 'shared');
    assert.ok(guard.token >= token);
    assert.equal(guard.isValid(), true);
    assert.equal(lock.tryLock(), null);
    guard.release();
    (await writer).release();
  });

  test('only what is held can be turned', async () => {
    const lock = openSpace().rwlock('r');
    const guard = await lock.lock();
    await assert.rejects(guard.upgrade(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    guard.downgrade();
    assert.throws(() => guard.downgrade(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    guard.release();
    await assert.rejects(guard.upgrade(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    assert.throws(() => guard.downgrade(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
  });

  test('a hold that is being upgraded is not released meanwhile', async () => {
    const lock = openSpace().rwlock('r');
    const [mine, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    const upgrade = mine.upgrade();
    assert.throws(() => mine.release(), { code: 'ERR_SYNCMGR_BUSY' });
    await assert.rejects(mine.upgrade(), { code: 'ERR_SYNCMGR_BUSY' });
    other.release();
    await upgrade;
    mine.release();
    lock.tryLock().release();
  });

  test('several guards of one workstream change together, the last one unlocks', async () => {
    const space = openSpace();
    const lock = space.workstream('w').rwlock('r');
    const probe = space.rwlock('r');
    const [one, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    await one.upgrade();
    assert.deepEqual([one.mode, other.mode], ['exclusive', 'exclusive']);
    other.release();
    assert.equal(probe.tryLock(SHARED), null);
    one.downgrade();
    probe.tryLock(SHARED).release();
    assert.equal(probe.tryLock(), null);
    one.release();
    probe.tryLock().release();
  });

  test('a hold that is taken away by force meanwhile is lost', async () => {
    const lock = openSpace().rwlock('r');
    const [mine, other] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    const upgrade = assert.rejects(mine.upgrade({ timeout: PATIENCE }), LOST);
    assert.equal(lock.forceRelease(), true);
    await upgrade;
    assert.equal(mine.isValid(), false);
    assert.throws(() => other.release(), LOST);
    // Once its owner has heard of that, there is nothing to release.
    mine.release();
    const writer = lock.tryLock();
    lock.forceRelease();
    assert.throws(() => writer.downgrade(), LOST);
    assert.equal(writer.isValid(), false);
    writer.release();
    lock.tryLock().release();
    const [one, two] = [await lock.lock(SHARED), await lock.lock(SHARED)];
    assert.deepEqual([one.isValid(), two.isValid()], [true, true]);
    one.release();
    two.release();
  });
});
