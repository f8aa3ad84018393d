'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { openSpace, sleep, syncmgr, until } = require('./helpers/setup.js');

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

const used = (space) => space.snapshot().space.used;

/** What a manager opens and gives an owner of its own for each use, and such a use. */
const USES = {
  mutex: (space) => space.mutex('m', { fair: true }).run(() => {}),
  semaphore: (space) => space.semaphore('s', 2).run(() => {}),
  rwlock: (space) => space.rwlock('r').read(() => {}),
  election: async (space) => (await space.election('e').campaign()).resign(),
  barrier: (space) => space.barrier('b', 1).wait(),
  action: (space) => space.barrier('a', 1, { action() {} }).wait(),
  many: async (space) => (await syncmgr.lockMany([space.mutex('x'), space.rwlock('y')])).release(),
  once: (space) => syncmgr.once(space, 'o', () => 1),
};

/** The same for what has no owners. */
const PASSING = {
  latch: (space) => space.latch('l', 0).count,
  event: (space) => space.event('v').set(),
  condition: (space) => space.condition('c').signal(),
  syncPoint: (space) => space.syncPoint('p', ['a', 'b']).result,
};

/** Collects garbage until the condition holds. */
const collectUntil = (condition) => until(() => {
  collect();
  return condition();
});

describe('opening', () => {
  // A server does so for each request; a space has room for 65,535 workstreams.
  test('who opens an object for each use, and never closes it, uses up no owners', async () => {
    const space = openSpace('local:');
    for (const [name, use] of Object.entries(USES)) {
      await use(space);
      const before = used(space);
      for (let round = 0; round < 200; round++) await use(space);
      assert.deepEqual(used(space), before, name);
    }
  });

  test('a mutex that is opened a hundred thousand times', () => {
    const space = openSpace('local:');
    for (let round = 0; round < 100_000; round++) space.mutex('m').tryAcquire().release();
    assert.equal(used(space).workstreams, 2);
  });

  // Nobody has an object open that can be removed.
  test('an object that nobody has any more is closed', async () => {
    const space = openSpace('local:');
    for (const use of Object.values({ ...USES, ...PASSING })) {
      for (let round = 0; round < 3; round++) await use(space);
    }
    const { objects } = space.snapshot();
    assert.equal(objects.length, 13);
    await collectUntil(() => {
      for (const { name, type } of space.snapshot().objects) {
        try {
          space.remove(type === 'sync point' || type === 'sync_point' ? 'syncPoint' : type, name);
        } catch (error) {
          if (error.code !== 'ERR_SYNCMGR_BUSY') throw error;
        }
      }
      return space.snapshot().objects.length === 0;
    });
    assert.equal(used(space).workstreams, 1);
    space.check();
  });

  test('what is held or waited for stays, though nobody has the object', async () => {
    const space = openSpace('local:');
    await space.mutex('m').acquire();
    await space.semaphore('s', 1).acquire();
    await space.rwlock('r').lock();
    await space.election('e').campaign();
    const party = space.barrier('b', 0, { phaser: true }).join();
    const waits = [space.event('v').wait(), space.latch('l', 1).wait()];
    const mutex = space.mutex('n');
    waits.push(mutex.run((guard) => space.condition('c').wait(guard)));
    for (let round = 0; round < 5; round++) {
      collect();
      await sleep(5);
    }
    assert.equal(space.mutex('m').tryAcquire(), null);
    assert.equal(space.semaphore('s', 1).tryAcquire(), null);
    assert.equal(space.rwlock('r').tryLock(), null);
    assert.notEqual(space.election('e').leader, null);
    assert.equal((await party.wait()).leader, true);
    space.event('v').set();
    space.latch('l', 1).countDown();
    assert.equal(space.condition('c').signal(), 1);
    await Promise.all(waits);
  });

  test('objects of one name are closed each for itself', async () => {
    const space = openSpace('local:');
    const [one, other] = [space.mutex('m'), space.mutex('m')];
    const guard = await one.acquire();
    const wait = other.acquire();
    other.close();
    await assert.rejects(wait, { code: 'ERR_SYNCMGR_CLOSED' });
    assert.throws(() => other.tryAcquire(), { code: 'ERR_SYNCMGR_CLOSED' });
    assert.equal(guard.released, false);
    guard.release();
    await one.acquire();
    one.close();
    assert.notEqual(space.mutex('m').tryAcquire(), null);
  });
});
