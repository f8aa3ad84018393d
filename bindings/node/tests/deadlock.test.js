'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, sleep, until } = require('./helpers/setup.js');

const DEADLOCK = { name: 'DeadlockError', code: 'ERR_SYNCMGR_DEADLOCK' };

/** Two workstreams that lock in both orders. Resolves with what their second waits came to. */
async function circle(space) {
  const a = space.workstream('worker-a');
  const b = space.workstream('worker-b');
  const first = [await a.mutex('db').acquire(), await b.mutex('cache').acquire()];
  const waits = [a.mutex('cache').acquire(), b.mutex('db').acquire()];
  const results = await Promise.all(waits.map(async (wait, index) => {
    try {
      (await wait).release();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      first[index].release();
    }
  }));
  return results;
}

describe('deadlock', () => {
  test('one victim is told the circle, and the other goes on', async () => {
    const [winner, victim] = await circle(openSpace());
    assert.equal(winner, undefined);
    assert.equal(victim.name, 'DeadlockError');
    const { pid } = process;
    assert.equal(victim.cycle,
      `worker-b waits for "db" held by worker-a (pid ${pid}), `
      + `worker-a waits for "cache" held by worker-b (pid ${pid})`);
  });

  test('there is one record', async () => {
    const space = openSpace();
    await circle(space);
    const [record, ...more] = space.deadlocks();
    assert.equal(more.length, 0);
    assert.equal(record.kind, 'actual');
    assert.equal(record.algorithm, 'waitForGraph');
    assert.equal(record.policy, 'youngest');
    assert.equal(record.resolution, 'victim');
    assert.ok(Math.abs(record.found - Date.now()) < 60_000);
    assert.ok(record.resolved >= record.found);
    assert.equal(record.members.length, 2);
    const [first, second] = record.members;
    assert.deepEqual([first.name, first.object, first.relation, first.other],
      ['worker-b', 'db', 'held', 'worker-a']);
    assert.equal(first.workstream, record.victim);
    assert.equal(second.holder, record.victim);
    assert.match(record.text, /^worker-b waits for "db"/);
    assert.equal(space.clearDeadlocks(), 1);
    assert.deepEqual(space.deadlocks(), []);
  });

  test('without autoResolve it stands until it is resolved', async () => {
    const space = openSpace();
    space.configureDeadlocks({ autoResolve: false, delay: Infinity });
    const ended = circle(space);
    await until(() => space.detectDeadlocks() === 1, 'it is found');
    for (let round = 0; round < 10; round++) assert.equal(space.detectDeadlocks(), 1);
    const [record] = space.deadlocks();
    assert.equal(record.resolution, null);
    assert.equal(record.resolved, null);
    assert.throws(() => space.resolveDeadlock(record.id, 'me'), RangeError);
    space.resolveDeadlock(record.id, 'oldest');
    const [victim, winner] = await ended;
    assert.equal(victim.name, 'DeadlockError');
    assert.equal(winner, undefined);
    assert.equal(space.deadlocks()[0].resolution, 'byHand');
    assert.throws(() => space.resolveDeadlock(999n), { code: 'ERR_SYNCMGR_NOT_FOUND' });
  });

  test('the lowest priority is the victim', async () => {
    const space = openSpace();
    space.configureDeadlocks({ victim: 'lowestPriority' });
    const low = space.workstream();
    const high = space.workstream();
    low.setPriority(-1);
    const held = await high.mutex('a').acquire();
    const mine = await low.mutex('b').acquire();
    const granted = high.mutex('b').acquire();
    await assert.rejects(low.mutex('a').acquire(), DEADLOCK);
    mine.release();
    (await granted).release();
    held.release();
    assert.throws(() => low.setPriority(2 ** 31), RangeError);
  });

  test('wrong words are refused', () => {
    const space = openSpace();
    assert.throws(() => space.detectDeadlocks('magic'), RangeError);
    assert.throws(() => space.configureDeadlocks({ victim: 'me' }), RangeError);
    assert.throws(() => space.configureDeadlocks({ delay: -1 }), RangeError);
    assert.throws(() => space.configureDeadlocks({ sooner: 1 }), TypeError);
    assert.throws(() => space.preventDeadlocks('hope'), RangeError);
    assert.throws(() => space.setRank('hammer', 'a', 1), RangeError);
    assert.throws(() => space.resolveDeadlock(1), TypeError);
  });
});

describe('resource', () => {
  test('counts what is allocated and released', () => {
    const space = openSpace();
    const mine = space.workstream('a').resource('gpu', 2);
    const other = space.workstream('b').resource('gpu');
    assert.equal(mine.request(2), true);
    mine.allocate(2);
    assert.equal(other.available, 0);
    assert.equal(other.request(), false);
    assert.throws(() => other.allocate(), { code: 'ERR_SYNCMGR_BUSY' });
    assert.deepEqual(mine.holders().map(({ name, amount }) => [name, amount]), [['a', 2]]);
    mine.release();
    other.allocate();
    assert.throws(() => other.release(2), { code: 'ERR_SYNCMGR_NOT_OWNER' });
    assert.throws(() => other.cancel(), { code: 'ERR_SYNCMGR_NOT_FOUND' });
  });

  test('is part of circles', async () => {
    const space = openSpace();
    const a = space.workstream('a');
    const b = space.workstream('b');
    a.resource('gpu', 1).allocate();
    const held = await b.mutex('m').acquire();
    const waiting = a.mutex('m').acquire();
    const wanted = b.resource('gpu');
    assert.equal(wanted.request(), false);
    await until(() => space.deadlocks().some(({ resolution }) => resolution === 'victim'), 'found');
    assert.throws(() => wanted.request(), { ...DEADLOCK, cycle: /b waits for "gpu" held by a/ });
    held.release();
    (await waiting).release();
  });

  test('the banker refuses what would be unsafe', () => {
    const space = openSpace();
    space.preventDeadlocks('avoidance');
    const one = space.workstream('a').resource('pool', 4);
    const two = space.workstream('b').resource('pool');
    one.declare(3);
    two.declare(4);
    one.allocate();
    two.allocate();
    assert.throws(() => two.allocate(), { code: 'ERR_SYNCMGR_UNSAFE', name: 'UnsafeError' });
    assert.equal(space.detectDeadlocks('bankerAlgorithm'), 0);
  });
});

describe('prevention', () => {
  test('ranks', async () => {
    const space = openSpace();
    space.preventDeadlocks('ranks');
    const me = space.workstream();
    const low = me.mutex('low');
    const high = me.mutex('high');
    space.setRank('mutex', 'low', 1);
    space.setRank('mutex', 'high', 2);
    const held = await high.acquire();
    await assert.rejects(low.acquire(), { name: 'RankError', message: /'low'.*'high'/ });
    assert.throws(() => low.tryAcquire(), { code: 'ERR_SYNCMGR_RANK' });
    held.release();
    (await low.acquire()).release();
  });

  test('with waitDie a younger one does not wait for an older one', async () => {
    const space = openSpace();
    space.preventDeadlocks('waitDie');
    const old = space.workstream('old');
    const young = space.workstream('young');
    const held = await old.mutex('m').acquire();
    await assert.rejects(young.mutex('m').acquire(), { name: 'PreemptedError', message: /'old'/ });
    held.release();
    (await young.mutex('m').acquire()).release();
  });

  test('both orders are a possible deadlock', async () => {
    const space = openSpace();
    space.preventDeadlocks('nothing', { watchOrder: true });
    const me = space.workstream('me');
    const locks = [me.mutex('a'), me.mutex('b')];
    for (const [first, second] of [[0, 1], [1, 0], [0, 1], [1, 0]]) {
      const outer = await locks[first].acquire();
      (await locks[second].acquire()).release();
      outer.release();
    }
    const records = space.deadlocks();
    assert.deepEqual(records.map(({ kind }) => kind), ['possible']);
    assert.equal(records[0].text,
      'me took "a" while holding "b", me took "b" while holding "a"');
  });

  test('waits without a timeout get one', async () => {
    const space = openSpace();
    space.preventDeadlocks('timeout', { timeout: 30 });
    const held = await space.workstream().mutex('m').acquire();
    await assert.rejects(space.workstream().mutex('m').acquire(), { name: 'TimeoutError' });
    held.release();
    await sleep(1);
  });
});
