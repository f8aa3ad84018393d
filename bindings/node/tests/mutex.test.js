'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { PATIENCE, openSpace, newUrl, sleep, syncmgr, until } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

describe('mutex', () => {
  test('acquire gives a guard, release frees the mutex', async () => {
    const mutex = openSpace().mutex('m');
    const guard = await mutex.acquire();
    assert.ok(guard instanceof syncmgr.Guard);
    assert.equal(guard.recovered, false);
    assert.equal(guard.previousOwner, null);
    assert.equal(guard.released, false);
    assert.equal(mutex.tryAcquire(), null);
    guard.release();
    assert.equal(guard.released, true);
    const next = mutex.tryAcquire();
    assert.notEqual(next, null);
    next.release();
  });

  test('release is idempotent and never ends the hold of somebody else', async () => {
    const mutex = openSpace().mutex('m');
    const first = await mutex.acquire();
    first.release();
    const second = await mutex.acquire();
    first.release();
    first[Symbol.dispose]();
    await first[Symbol.asyncDispose]();
    assert.equal(mutex.tryAcquire(), null);
    second.release();
  });

  test('both ways of using dispose release', async () => {
    const mutex = openSpace().mutex('m');
    (await mutex.acquire())[Symbol.dispose]();
    await (await mutex.acquire())[Symbol.asyncDispose]();
    mutex.tryAcquire().release();
  });

  test('tasks of one program exclude each other and are served in turn when fair', async () => {
    const mutex = openSpace().mutex('m', { fair: true });
    const order = [];
    let inside = 0;
    await Promise.all(Array.from({ length: 50 }, async (_, index) => {
      const guard = await mutex.acquire();
      inside += 1;
      assert.equal(inside, 1);
      order.push(index);
      await sleep(0);
      inside -= 1;
      guard.release();
    }));
    assert.deepEqual(order, Array.from({ length: 50 }, (_, index) => index));
  });

  test('two objects of one name, and two managers, are one mutex', async () => {
    const url = newUrl();
    const [one, other] = [openSpace(url), openSpace(url)];
    const guard = await one.mutex('m').acquire();
    assert.equal(one.mutex('m').tryAcquire(), null);
    assert.equal(other.mutex('m').tryAcquire(), null);
    guard.release();
    other.mutex('m').tryAcquire().release();
  });

  test('tokens are BigInts that only grow, by every way of taking the mutex', async () => {
    const mutex = openSpace().mutex('m');
    let last = -1n;
    for (let round = 0; round < 20; round++) {
      const guard = await mutex.acquire();
      const waiting = mutex.acquire();
      assert.equal(typeof guard.token, 'bigint');
      assert.ok(guard.token > last);
      assert.equal(guard.isValid(), true);
      last = guard.token;
      guard.release();
      assert.equal(guard.token, last);
      assert.equal(guard.isValid(), false);
      const handedOver = await waiting;
      assert.ok(handedOver.token > last);
      last = handedOver.token;
      handedOver.release();
    }
  });

  test('the token of a released guard that was never asked for is gone', async () => {
    const guard = await openSpace().mutex('m').acquire();
    guard.release();
    assert.throws(() => guard.token, { code: 'ERR_SYNCMGR_NOT_OWNER' });
  });

  test('run releases after success and after failure', async () => {
    const mutex = openSpace().mutex('m');
    assert.equal(await mutex.run(async (guard) => {
      assert.equal(guard.isValid(), true);
      assert.equal(mutex.tryAcquire(), null);
      return 42;
    }), 42);
    await assert.rejects(mutex.run(() => { throw new Error('mine'); }), { message: 'mine' });
    await assert.rejects(mutex.run(async () => { throw new Error('mine'); }), { message: 'mine' });
    const guard = mutex.tryAcquire();
    await assert.rejects(mutex.run(() => {}, { timeout: 5 }), TIMEOUT);
    guard.release();
    mutex.tryAcquire().release();
  });

  test('the holder is known', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    assert.equal(mutex.holder, null);
    assert.equal(mutex.previousOwner, null);
    const me = space.workstream('worker-1');
    const guard = await me.mutex('m').acquire();
    assert.deepEqual(mutex.holder, {
      workstream: me.id, name: 'worker-1', pid: process.pid, amount: 1, token: guard.token,
    });
    guard.release();
    assert.equal(mutex.holder, null);
  });

  test('force: the next owner is told, the old one gets LostError', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    assert.equal(mutex.forceRelease(), false);
    const me = space.workstream('slow');
    const old = await me.mutex('m').acquire();
    const { token } = old;
    const waiting = mutex.acquire({ timeout: PATIENCE });
    assert.equal(mutex.forceRelease(), true);
    const guard = await waiting;
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.name, 'slow');
    assert.equal(guard.previousOwner.workstream, me.id);
    assert.ok(guard.token > token);
    assert.equal(old.isValid(), false);
    assert.throws(() => old.release(), { name: 'LostError', code: 'ERR_SYNCMGR_LOST' });
    old.release();
    assert.equal(guard.isValid(), true);
    guard.release();
    const clean = mutex.tryAcquire();
    assert.equal(clean.recovered, false);
    clean.release();
  });

  test('run tells a task whose mutex was taken away', async () => {
    const mutex = openSpace().mutex('m');
    await assert.rejects(mutex.run(() => { mutex.forceRelease(); }), { code: 'ERR_SYNCMGR_LOST' });
    await assert.rejects(mutex.run(() => {
      mutex.forceRelease();
      throw new Error('mine');
    }), { message: 'mine' });
    mutex.tryAcquire().release();
  });

  test('a workstream that owns the mutex cannot lock it again', async () => {
    const mutex = openSpace().workstream('w').mutex('m');
    const guard = await mutex.acquire();
    await assert.rejects(mutex.acquire(), { name: 'DeadlockError', code: 'ERR_SYNCMGR_DEADLOCK' });
    assert.throws(() => mutex.tryAcquire(), { code: 'ERR_SYNCMGR_DEADLOCK' });
    guard.release();
    (await mutex.acquire()).release();
  });

  test('a recursive mutex counts its locks', async () => {
    const space = openSpace();
    const mutex = space.workstream('w').mutex('m', { recursive: true });
    const other = space.mutex('m', { recursive: true });
    const guards = [await mutex.acquire(), mutex.tryAcquire(), await mutex.acquire()];
    assert.equal(other.holder.amount, 3);
    for (const guard of guards) {
      assert.equal(other.tryAcquire(), null);
      guard.release();
    }
    other.tryAcquire().release();
  });

  test('flags are parameters, and a name has one type', () => {
    const space = openSpace();
    space.mutex('m');
    assert.throws(() => space.mutex('m', { fair: true }), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.mutex('m', { recursive: true }), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.semaphore('m', 1), { code: 'ERR_SYNCMGR_TYPE' });
  });

  test('closing releases, ends waits, and is idempotent', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const waiting = mutex.acquire();
    mutex.close();
    mutex.close();
    assert.equal(mutex.closed, true);
    await assert.rejects(waiting, { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' });
    assert.equal(guard.released, true);
    guard.release();
    await assert.rejects(mutex.acquire(), { code: 'ERR_SYNCMGR_CLOSED' });
    await assert.rejects(mutex.run(() => {}), { code: 'ERR_SYNCMGR_CLOSED' });
    for (const use of [() => mutex.tryAcquire(), () => mutex.holder, () => mutex.previousOwner,
      () => mutex.forceRelease()]) {
      assert.throws(use, { code: 'ERR_SYNCMGR_CLOSED' });
    }
    const again = space.mutex('m').tryAcquire();
    assert.notEqual(again, null);
    assert.equal(again.recovered, false);
  });

  test('closing an explicit object releases what was taken through it', async () => {
    const space = openSpace();
    const mutex = space.workstream('w').mutex('m');
    const guard = await mutex.acquire();
    mutex.close();
    guard.release();
    assert.throws(() => mutex.tryAcquire(), { code: 'ERR_SYNCMGR_CLOSED' });
    space.mutex('m').tryAcquire().release();
  });

  test('idle owners of a burst are closed after a while', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    let closed = 0;
    space.on('closed', () => { closed += 1; });
    const guard = await mutex.acquire();
    const waits = Array.from({ length: 500 }, () => mutex.acquire());
    guard.release();
    for (const wait of waits) (await wait).release();
    await until(() => closed >= 400, `only ${closed} workstreams were closed`);
    space.removeAllListeners('closed');
    mutex.tryAcquire().release();
  });

  test('it shows what it is', () => {
    const mutex = openSpace().mutex('m');
    assert.equal(inspect(mutex), 'Mutex "m"');
    mutex.close();
    assert.equal(inspect(mutex), 'Mutex "m" (closed)');
  });
});
