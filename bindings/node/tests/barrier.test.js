'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, sleep, until } = require('./helpers/setup.js');

const BROKEN = { name: 'BrokenBarrierError', code: 'ERR_SYNCMGR_BROKEN' };
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

describe('barrier', () => {
  test('tells index, generation and who was last', async () => {
    const barrier = openSpace().barrier('b', 3);
    for (let generation = 0; generation < 5; generation++) {
      const outcomes = await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]);
      assert.deepEqual(outcomes, [
        { index: 0, generation, leader: false },
        { index: 1, generation, leader: false },
        { index: 2, generation, leader: true },
      ]);
    }
    assert.deepEqual(barrier.state(),
      { generation: 5, parties: 3, arrived: 0, waiting: 0, broken: false });
  });

  test('1,000 cycles of 3 parties, nobody a cycle ahead', async () => {
    const space = openSpace();
    space.barrier('b', 3);
    const cycles = [0, 0, 0];
    let leaders = 0;
    await Promise.all(cycles.map(async (_, party) => {
      const barrier = space.workstream(`party-${party}`).barrier('b', 3);
      for (let cycle = 0; cycle < 1000; cycle++) {
        cycles[party] = cycle;
        assert.ok(Math.max(...cycles) - Math.min(...cycles) <= 1);
        const { leader, generation } = await barrier.wait();
        assert.equal(generation, cycle);
        if (leader) leaders += 1;
      }
    }));
    assert.equal(leaders, 1000);
  });

  test('the leader runs the action once, before the others go on', async () => {
    const space = openSpace();
    const steps = [];
    const action = async () => {
      steps.push('begins');
      await sleep(10);
      steps.push('ends');
    };
    const barrier = space.barrier('b', 3, { action });
    await Promise.all([1, 2, 3].map(() => barrier.wait().then(() => steps.push('passes'))));
    assert.deepEqual(steps, ['begins', 'ends', 'passes', 'passes', 'passes']);
    await Promise.all([1, 2, 3].map(() => barrier.wait()));
    assert.equal(barrier.state().generation, 2);
  });

  test('an action that fails breaks the barrier', async () => {
    const space = openSpace();
    const barrier = space.barrier('b', 2, { action: () => { throw new Error('mine'); } });
    const first = barrier.wait();
    await Promise.all([
      assert.rejects(barrier.wait(), { message: 'mine' }),
      assert.rejects(first, BROKEN),
    ]);
    assert.equal(barrier.state().broken, true);
    barrier.reset();
    assert.equal(barrier.state().broken, false);
  });

  test('arriving counts without waiting', async () => {
    const space = openSpace();
    const barrier = space.barrier('b', 3);
    for (let generation = 0; generation < 4; generation++) {
      assert.deepEqual(await barrier.arrive(), { generation, leader: false });
      assert.deepEqual(await barrier.arrive(), { generation, leader: false });
      const { arrived, waiting } = barrier.state();
      assert.deepEqual({ arrived, waiting }, { arrived: 2, waiting: 0 });
      assert.deepEqual(await barrier.wait(), { index: 2, generation, leader: true });
    }
    const waits = [barrier.wait(), barrier.wait()];
    assert.deepEqual(await barrier.arrive(), { generation: 4, leader: true });
    await Promise.all(waits);
  });

  test('who arrives last without waiting runs the action, too', async () => {
    let runs = 0;
    const barrier = openSpace().barrier('b', 2, { action: () => { runs += 1; } });
    const wait = barrier.wait();
    assert.equal((await barrier.arrive()).leader, true);
    assert.equal(runs, 1);
    await wait;
  });

  test('a workstream arrives once in a generation', async () => {
    const barrier = openSpace().workstream('w').barrier('b', 3);
    await barrier.arrive();
    await assert.rejects(barrier.arrive(), { code: 'ERR_SYNCMGR_ALREADY' });
    await assert.rejects(barrier.wait(), { code: 'ERR_SYNCMGR_ALREADY' });
    barrier.reset();
    await barrier.arrive();
  });

  test('a timeout breaks it for everybody, until reset', async () => {
    const barrier = openSpace().barrier('b', 3);
    const patient = barrier.wait();
    await Promise.all([
      assert.rejects(barrier.wait({ timeout: 10 }), TIMEOUT),
      assert.rejects(patient, BROKEN),
    ]);
    await assert.rejects(barrier.wait(), BROKEN);
    await assert.rejects(barrier.arrive(), BROKEN);
    barrier.reset();
    await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]);
    assert.equal(barrier.state().generation, 1);
  });

  test('a try that is not the last changes nothing', async () => {
    const barrier = openSpace().barrier('b', 2);
    await assert.rejects(barrier.wait({ timeout: 0 }), TIMEOUT);
    assert.deepEqual(barrier.state(),
      { generation: 0, parties: 2, arrived: 0, waiting: 0, broken: false });
    const wait = barrier.wait();
    assert.equal((await barrier.wait({ timeout: 0 })).leader, true);
    await wait;
  });

  test('abort and reset end the waits', async () => {
    const barrier = openSpace().barrier('b', 2);
    for (const end of [() => barrier.abort(), () => barrier.reset()]) {
      const wait = barrier.wait();
      end();
      await assert.rejects(wait, BROKEN);
      barrier.reset();
    }
    assert.equal(barrier.state().generation, 0);
  });

  test('an aborted wait breaks it', async () => {
    const barrier = openSpace().barrier('b', 2);
    const controller = new AbortController();
    const wait = barrier.wait({ signal: controller.signal });
    assert.equal(barrier.state().waiting, 1);
    controller.abort(new Error('enough'));
    await assert.rejects(wait, { message: 'enough' });
    assert.equal(barrier.state().broken, true);
  });

  test('parties are a parameter', () => {
    const space = openSpace();
    assert.throws(() => space.barrier('b'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    space.barrier('b', 2);
    assert.equal(space.barrier('b').state().parties, 2);
    assert.throws(() => space.barrier('b', 3), { code: 'ERR_SYNCMGR_MISMATCH' });
    for (const parties of [0, 65_536]) {
      assert.throws(() => space.barrier('c', parties), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => space.barrier('c', -1), RangeError);
    assert.throws(() => space.barrier('c', 2, { action: 5 }), TypeError);
  });

  test('closing a barrier that is waited in breaks it', async () => {
    const space = openSpace();
    const barrier = space.barrier('b', 2);
    const other = space.workstream('w').barrier('b', 2);
    const wait = barrier.wait();
    barrier.close();
    await assert.rejects(wait, { code: 'ERR_SYNCMGR_CLOSED' });
    await until(() => other.state().broken, 'the barrier breaks');
    await assert.rejects(barrier.wait(), { code: 'ERR_SYNCMGR_CLOSED' });
    await assert.rejects(barrier.arrive(), { code: 'ERR_SYNCMGR_CLOSED' });
    for (const use of [() => barrier.abort(), () => barrier.reset(), () => barrier.state()]) {
      assert.throws(use, { code: 'ERR_SYNCMGR_CLOSED' });
    }
  });

  test('one party alone never waits', async () => {
    const barrier = openSpace().barrier('b', 1);
    assert.deepEqual(await barrier.wait(), { index: 0, generation: 0, leader: true });
    assert.deepEqual(await barrier.arrive(), { generation: 1, leader: true });
  });
});
