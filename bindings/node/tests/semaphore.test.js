'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, sleep, syncmgr } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

describe('semaphore', () => {
  test('permits are taken and given back', async () => {
    const semaphore = openSpace().semaphore('s', 3);
    assert.equal(semaphore.available, 3);
    const one = await semaphore.acquire();
    const two = await semaphore.acquire(2);
    assert.ok(one instanceof syncmgr.Permits);
    assert.equal(one.count, 1);
    assert.equal(two.count, 2);
    assert.equal(semaphore.available, 0);
    assert.equal(semaphore.held, 3);
    assert.equal(semaphore.tryAcquire(), null);
    two.release();
    two.release();
    assert.equal(two.released, true);
    assert.equal(semaphore.available, 2);
    semaphore.tryAcquire(2)[Symbol.dispose]();
    await (await semaphore.acquire({ timeout: 0 }))[Symbol.asyncDispose]();
    one.release();
    assert.equal(semaphore.available, 3);
    assert.equal(semaphore.held, 0);
  });

  test('never more inside than there are permits', async () => {
    const semaphore = openSpace().semaphore('s', 2);
    let inside = 0;
    let most = 0;
    await Promise.all(Array.from({ length: 40 }, () => semaphore.run(async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(1);
      inside -= 1;
    })));
    assert.equal(most, 2);
    assert.equal(semaphore.available, 2);
  });

  test('a request for several waits until all are there', async () => {
    const semaphore = openSpace().semaphore('s', 3);
    const held = [await semaphore.acquire(), await semaphore.acquire(), await semaphore.acquire()];
    let granted = false;
    const waiting = semaphore.acquire(3).then((permits) => { granted = true; return permits; });
    for (const permits of held) {
      assert.equal(granted, false);
      permits.release();
      await sleep(5);
    }
    (await waiting).release();
  });

  test('a waiter that timed out takes nothing', async () => {
    const semaphore = openSpace().semaphore('s', 1);
    const held = await semaphore.acquire();
    const late = semaphore.acquire();
    await assert.rejects(semaphore.acquire({ timeout: 5 }), TIMEOUT);
    held.release();
    (await late).release();
    assert.equal(semaphore.available, 1);
  });

  test('holders are known', async () => {
    const space = openSpace();
    const semaphore = space.semaphore('s', 30);
    assert.deepEqual(semaphore.holders(), []);
    const me = space.workstream('w');
    const mine = me.semaphore('s', 30);
    const permits = await mine.acquire(2);
    assert.deepEqual(semaphore.holders(), [
      { workstream: me.id, name: 'w', pid: process.pid, amount: 2, token: 0n },
    ]);
    for (let index = 0; index < 20; index++) await semaphore.acquire();
    const holders = semaphore.holders();
    assert.equal(holders.length, 21);
    assert.equal(holders.reduce((sum, holder) => sum + holder.amount, 0), 22);
    permits.release();
    assert.equal(semaphore.holders().length, 20);
  });

  test('a workstream releases what it holds, and not more', async () => {
    const semaphore = openSpace().workstream('w').semaphore('s', 3);
    await semaphore.acquire(2);
    assert.equal(semaphore.held, 2);
    assert.throws(() => semaphore.release(3), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    semaphore.release();
    semaphore.release(1);
    assert.equal(semaphore.available, 3);
    assert.throws(() => semaphore.release(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
  });

  test('what tasks hold cannot be released without their permits', async () => {
    const semaphore = openSpace().semaphore('s', 1);
    const permits = await semaphore.acquire();
    assert.throws(() => semaphore.release(), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    permits.release();
  });

  test('waiting for what the workstream itself holds is a deadlock', async () => {
    const semaphore = openSpace().workstream('w').semaphore('s', 2);
    await semaphore.acquire(2);
    await assert.rejects(semaphore.acquire(), { code: 'ERR_SYNCMGR_DEADLOCK' });
  });

  test('signalling: anybody may release, what is acquired is consumed', async () => {
    const space = openSpace();
    const semaphore = space.semaphore('s', 0, { signalling: true });
    assert.equal(semaphore.tryAcquire(), null);
    const waits = [semaphore.acquire(), semaphore.acquire(), semaphore.acquire(3)];
    semaphore.release(5);
    await Promise.all(waits);
    assert.equal(semaphore.available, 0);
    assert.equal(semaphore.held, 0);
    assert.deepEqual(semaphore.holders(), []);
    semaphore.close();
    assert.equal(space.semaphore('s', 0, { signalling: true }).available, 0);
    const mine = space.workstream('w').semaphore('s', 0, { signalling: true });
    mine.release(2);
    await mine.acquire();
    mine.close();
    assert.equal(space.semaphore('s', 0, { signalling: true }).available, 1);
  });

  test('parameters must match, and may be left out', async () => {
    const space = openSpace();
    assert.throws(() => space.semaphore('s'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    space.semaphore('s', 2);
    assert.equal(space.semaphore('s').available, 2);
    await (await space.semaphore('s').acquire(2)).release();
    assert.throws(() => space.semaphore('s', 3), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.semaphore('s', 2, { fair: true }), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.semaphore('none', 0), { code: 'ERR_SYNCMGR_INVALID' });
  });

  test('counts outside the range are refused', async () => {
    const semaphore = openSpace().semaphore('s', 2);
    await assert.rejects(semaphore.acquire(0), { code: 'ERR_SYNCMGR_INVALID' });
    await assert.rejects(semaphore.acquire(3), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => semaphore.tryAcquire(0), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => semaphore.release(0), { code: 'ERR_SYNCMGR_INVALID' });
    for (const count of [-1, 1.5, NaN, Infinity, 2 ** 32, 2 ** 53]) {
      await assert.rejects(semaphore.acquire(count), RangeError);
      assert.throws(() => semaphore.tryAcquire(count), RangeError);
      assert.throws(() => semaphore.release(count), RangeError);
    }
    assert.equal(semaphore.available, 2);
  });

  test('closing gives back and ends waits', async () => {
    const space = openSpace();
    const semaphore = space.semaphore('s', 2);
    const permits = await semaphore.acquire(2);
    const waiting = semaphore.acquire();
    semaphore.close();
    await assert.rejects(waiting, { code: 'ERR_SYNCMGR_CLOSED' });
    permits.release();
    assert.equal(space.semaphore('s', 2).available, 2);
    await assert.rejects(semaphore.acquire(), { code: 'ERR_SYNCMGR_CLOSED' });
    for (const use of [() => semaphore.tryAcquire(), () => semaphore.available,
      () => semaphore.held, () => semaphore.holders(), () => semaphore.release()]) {
      assert.throws(use, { code: 'ERR_SYNCMGR_CLOSED' });
    }
  });
});
