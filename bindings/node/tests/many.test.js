'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { newUrl, openSpace, randomNumbers, sleep, syncmgr, until } =
  require('./helpers/setup.js');
const { run } = require('./helpers/peer.js');

const { native } = require('../lib/loader.js');
const { constants, structures } = require('../lib/api.js');

const { lockMany } = syncmgr;
const ITEM = structures.syncmgr_lock_item_t;
const RECORD = structures.syncmgr_record_t;
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

/** Two mutexes, a semaphore of 3 and a readers-writer lock. */
function openLocks(opener) {
  return { a: opener.mutex('a'), b: opener.mutex('b'), s: opener.semaphore('s', 3),
    r: opener.rwlock('r') };
}

function assertFree({ a, b, s, r }) {
  assert.deepEqual([a.holder, b.holder, s.available, r.holders()], [null, null, 3, []]);
}

describe('lockMany', () => {
  test('holds all kinds together, of a manager and of a workstream', async () => {
    const space = openSpace();
    for (const opener of [space, space.workstream('w')]) {
      const locks = openLocks(opener);
      const { a, b, s, r } = locks;
      const held = await lockMany([{ lock: r, mode: 'shared' }, b, { lock: s, count: 2 }, a]);
      assert.ok(held instanceof syncmgr.ManyGuard);
      assert.ok(a.holder !== null && b.holder !== null);
      assert.deepEqual([s.available, r.holders()[0].mode], [1, 'shared']);
      assert.deepEqual([held.recovered, held.released], [false, false]);
      assert.deepEqual(held.guards.map(({ constructor }) => constructor.name),
        ['RWGuard', 'Guard', 'Permits', 'Guard']);
      held.release();
      assert.equal(held.released, true);
      held.release();
      assertFree(locks);
      (await lockMany([s, r])).release();
      assertFree(locks);
    }
  });

  test('holds none when one is not free in time', async () => {
    const space = openSpace();
    const locks = openLocks(space);
    for (const lock of [locks.a, locks.b]) {
      const other = await lock.acquire();
      for (const timeout of [0, 30]) {
        await assert.rejects(lockMany([locks.r, locks.b, locks.s, locks.a], { timeout }), TIMEOUT);
      }
      other.release();
      assertFree(locks);
    }
  });

  test('gives back what it had when it is aborted', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const locks = openLocks(space);
    for (let round = 0; round < 60; round++) {
      const other = await locks.b.acquire();
      const controller = new AbortController();
      const waiting = lockMany([locks.s, locks.r, locks.b, locks.a],
        { signal: controller.signal }).then((held) => held.release(),
        (error) => assert.equal(error.name, 'AbortError'));
      await sleep(random(2));
      const steps = [() => controller.abort(), () => other.release()];
      if (random(2) === 0) steps.reverse();
      for (const step of steps) {
        step();
        if (random(3) === 0) await sleep(0);
      }
      await waiting;
      await until(() => locks.r.holders().length === 0, 'all is given back');
      assertFree(locks);
    }
    await assert.rejects(lockMany([locks.a], { signal: AbortSignal.abort() }),
      { name: 'AbortError' });
    space.check();
  });

  test('gives back what it had when one is closed', async () => {
    const space = openSpace();
    const { a, b } = openLocks(space);
    const other = await space.workstream('other').mutex('b').acquire();
    const waiting = lockMany([a, b]);
    await sleep(5);
    b.close();
    await assert.rejects(waiting, { name: 'ClosedError' });
    assert.equal(a.holder, null);
    other.release();
  });

  test('mistakes', async () => {
    const space = openSpace();
    const { a, b, s, r } = openLocks(space);
    const code = 'ERR_SYNCMGR_INVALID';
    for (const locks of [[], 'ab', [a, {}], [a, null], [{ lock: a, count: 1 }],
      [{ lock: s, mode: 'shared' }], [{ lock: r, count: 1 }], [space.event('e')]]) {
      await assert.rejects(lockMany(locks), { name: 'TypeError', code });
    }
    await assert.rejects(lockMany([{ lock: r, mode: 'write' }]), { name: 'RangeError', code });
    await assert.rejects(lockMany([a, b], { timeot: 1 }), TypeError);
    for (const locks of [[a, b, a], [a, space.workstream().mutex('b')], [{ lock: s, count: 4 }]]) {
      await assert.rejects(lockMany(locks), { name: 'InvalidError', code });
    }
    assert.equal(a.holder, null);
  });

  test('tasks that list them in any order go on', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const locks = Object.values(openLocks(space));
    const inside = new Set();
    await Promise.all(Array.from({ length: 12 }, async () => {
      for (let round = 0; round < 12; round++) {
        const chosen = locks.map((lock) => [random(1000), lock]).sort((x, y) => x[0] - y[0])
          .slice(0, 2).map(([, lock]) => (lock instanceof syncmgr.Semaphore
            ? { lock, count: 3 } : lock));
        const held = await lockMany(chosen);
        const names = chosen.map((entry) => (entry.lock ?? entry).name);
        for (const name of names) {
          assert.ok(!inside.has(name));
          inside.add(name);
        }
        await sleep(0);
        for (const name of names) inside.delete(name);
        held.release();
      }
    }));
    space.check();
  });

  test('what the dead held is inherited, and passed on when it was in vain', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const locks = openLocks(space);
    const peer = run('hold-many', url);
    assert.equal(await peer.line(), 'holds');
    await peer.kill();
    space.cleanup();
    // The mutex "a" comes first in the order.
    const other = await locks.b.acquire();
    await assert.rejects(lockMany([locks.b, locks.a], { timeout: 20 }), TIMEOUT);
    other.release();
    const held = await lockMany([locks.r, locks.a, locks.b, { lock: locks.s, count: 3 }]);
    assert.equal(held.recovered, true);
    assert.deepEqual(held.guards.map((guard) => guard.recovered), [true, true, false, undefined]);
    held.release();
    assertFree(locks);
    space.check();
  });

  test('by one ticket of the library: the list is written when the record is drained', async () => {
    const space = openSpace();
    const holder = space.workstream('holder');
    const me = space.workstream('me');
    const [a, b] = [me.mutex('a'), me.mutex('b')];
    const list = new DataView(new ArrayBuffer(2 * ITEM.bytes));
    [b, a].forEach((lock, index) => {
      list.setBigUint64(index * ITEM.bytes + ITEM.handle, BigInt(lock._handle()), true);
      list.setInt32(index * ITEM.bytes + ITEM.status, 77, true);
    });
    const items = new Uint8Array(list.buffer);
    const statuses = () => [0, 1].map((index) => (
      list.getInt32(index * ITEM.bytes + ITEM.status, true)));
    const hold = await holder.mutex('b').acquire();
    const words = new Uint32Array(2);
    const [queue, records, count] = [new Uint32Array(2), new Uint8Array(RECORD.bytes),
      new Uint32Array(1)];
    const handleIn = (pair) => pair[0] + pair[1] * 2 ** 32;
    assert.equal(native.syncmgr_queue_open(space._handle(), 0, -1, queue), constants.OK);
    assert.equal(native.syncmgr_lock_many_start(items, 2, constants.FOREVER, handleIn(queue), 5,
      words), constants.PENDING);
    assert.deepEqual([a.holder.name, statuses()], ['me', [77, 77]]);
    hold.release();
    await until(() => b.holder !== null);
    await until(() => {
      native.syncmgr_queue_drain(handleIn(queue), records, 1, count);
      return count[0] === 1;
    });
    const record = new DataView(records.buffer);
    assert.equal(record.getInt32(RECORD.status, true), constants.OK);
    assert.equal(record.getBigUint64(RECORD.ticket, true), BigInt(handleIn(words)));
    assert.deepEqual([statuses(), a.holder.name, b.holder.name], [[0, 0], 'me', 'me']);
    assert.equal(native.syncmgr_unlock_many(items, 2), constants.OK);
    assert.equal(native.syncmgr_queue_close(handleIn(queue)), constants.OK);
    assert.deepEqual([a.holder, b.holder], [null, null]);
  });
});
