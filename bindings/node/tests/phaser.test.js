'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, randomNumbers, sleep, syncmgr } = require('./helpers/setup.js');

const BROKEN = { name: 'BrokenBarrierError', code: 'ERR_SYNCMGR_BROKEN' };
const BUSY = { name: 'BusyError', code: 'ERR_SYNCMGR_BUSY' };
const NOT_OWNER = { name: 'NotOwnerError', code: 'ERR_SYNCMGR_NOT_OWNER' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };
const PHASER = { phaser: true };

describe('phaser', () => {
  test('parties join and leave between phases', async () => {
    const phaser = openSpace().barrier('p', 0, PHASER);
    assert.equal(phaser.state().parties, 0);
    const [one, two] = [phaser.join(), phaser.join()];
    assert.ok(one instanceof syncmgr.Party);
    assert.equal(phaser.state().parties, 2);
    assert.deepEqual(await Promise.all([one.wait(), two.wait()]), [
      { index: 0, generation: 0, leader: false }, { index: 1, generation: 0, leader: true },
    ]);
    const three = phaser.join();
    const outcomes = await Promise.all([three.wait(), one.wait(), two.wait()]);
    assert.deepEqual(outcomes.map(({ index }) => index), [0, 1, 2]);
    one.leave();
    assert.equal(one.left, true);
    assert.equal(phaser.state().parties, 2);
    await Promise.all([two.wait(), three.wait()]);
    two[Symbol.dispose]();
    await three[Symbol.asyncDispose]();
    assert.deepEqual(phaser.state(),
      { generation: 3, parties: 0, arrived: 0, waiting: 0, broken: false });
  });

  test('leaving trips it when all others have arrived, and no action runs', async () => {
    const phaser = openSpace().barrier('p', 0, { ...PHASER, action: () => assert.fail() });
    const [one, two, three] = [phaser.join(), phaser.join(), phaser.join()];
    const waits = [one.wait(), two.wait()];
    assert.equal(phaser.state().waiting, 2);
    three.leave();
    for (const wait of waits) assert.equal((await wait).leader, false);
    assert.equal(phaser.state().generation, 1);
  });

  test('the parties it is opened with are there besides', async () => {
    const space = openSpace();
    const phaser = space.barrier('p', 1, PHASER);
    assert.equal((await phaser.wait()).leader, true);
    const party = phaser.join();
    const wait = phaser.wait();
    assert.equal(phaser.state().waiting, 1);
    await assert.rejects(phaser.wait(), NOT_OWNER);
    assert.equal((await party.wait()).leader, true);
    await wait;
    party.leave();
    assert.equal((await phaser.wait()).leader, true);
  });

  test('who is no party is refused', async () => {
    const space = openSpace();
    const phaser = space.barrier('p', 0, PHASER);
    const party = phaser.join();
    await assert.rejects(phaser.wait(), NOT_OWNER);
    await assert.rejects(phaser.arrive(), NOT_OWNER);
    party.leave();
    party.leave();
    await assert.rejects(party.wait(), NOT_OWNER);
    await assert.rejects(party.arrive(), NOT_OWNER);
    const barrier = space.barrier('b', 2);
    assert.throws(() => barrier.join(), { code: 'ERR_SYNCMGR_UNSUPPORTED' });
    assert.throws(() => space.barrier('p', 2), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.barrier('b', 2, PHASER), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.barrier('q', 2, { phaser: 1 }), TypeError);
  });

  test('a party arrives once in a phase, and does not leave while it waits', async () => {
    const phaser = openSpace().barrier('p', 0, PHASER);
    const [one, two] = [phaser.join(), phaser.join()];
    const wait = one.wait();
    await assert.rejects(one.wait(), { code: 'ERR_SYNCMGR_ALREADY' });
    await assert.rejects(one.arrive(), { code: 'ERR_SYNCMGR_ALREADY' });
    assert.throws(() => one.leave(), BUSY);
    assert.equal(one.left, false);
    assert.deepEqual(await two.arrive(), { generation: 0, leader: true });
    await wait;
    one.leave();
    assert.deepEqual(await two.arrive(), { generation: 1, leader: true });
  });

  test('who has arrived without waiting takes the arrival along', async () => {
    const phaser = openSpace().barrier('p', 0, PHASER);
    const [one, two, three] = [phaser.join(), phaser.join(), phaser.join()];
    await one.arrive();
    assert.equal(phaser.state().arrived, 1);
    one.leave();
    const { arrived, parties } = phaser.state();
    assert.deepEqual({ arrived, parties }, { arrived: 0, parties: 2 });
    await Promise.all([two.wait(), three.wait()]);
  });

  test('while the leader runs the action nobody joins or leaves', async () => {
    const steps = [];
    const action = async () => {
      await sleep(10);
      steps.push('acts');
    };
    const phaser = openSpace().barrier('p', 0, { ...PHASER, action });
    const [one, two] = [phaser.join(), phaser.join()];
    const waits = [one.wait(), two.wait()].map((wait) => wait.then(() => steps.push('passes')));
    await sleep(0);
    assert.throws(() => phaser.join(), BUSY);
    assert.throws(() => two.leave(), BUSY);
    await Promise.all(waits);
    assert.deepEqual(steps, ['acts', 'passes', 'passes']);
    phaser.join().leave();
  });

  test('a workstream is one party', async () => {
    const space = openSpace();
    const [mine, other] = ['w', 'x'].map((name) => space.workstream(name).barrier('p', 0, PHASER));
    const party = mine.join();
    assert.throws(() => mine.join(), { code: 'ERR_SYNCMGR_ALREADY' });
    const waits = [other.join().wait(), mine.wait()];
    assert.equal((await waits[1]).leader, true);
    await waits[0];
    party.leave();
    await assert.rejects(mine.wait(), NOT_OWNER);
    mine.join();
    assert.equal(other.state().parties, 2);
    mine.close();
    assert.equal(other.state().parties, 1);
  });

  test('a broken phaser is joined after the reset only', async () => {
    const phaser = openSpace().barrier('p', 0, PHASER);
    const [one, two] = [phaser.join(), phaser.join()];
    const wait = assert.rejects(one.wait(), BROKEN);
    phaser.abort();
    await wait;
    await assert.rejects(two.wait(), BROKEN);
    assert.throws(() => phaser.join(), BROKEN);
    phaser.reset();
    phaser.join().leave();
    await Promise.all([one.wait(), two.wait()]);
    assert.equal(phaser.state().generation, 1);
  });

  test('closing takes the parties out', async () => {
    const space = openSpace();
    const phaser = space.barrier('p', 0, PHASER);
    const party = phaser.join();
    phaser.close();
    assert.equal(party.left, true);
    party.leave();
    await assert.rejects(party.wait(), NOT_OWNER);
    assert.throws(() => phaser.join(), CLOSED);
    assert.equal(space.barrier('p', 0, PHASER).state().parties, 0);
    space.check();
  });

  test('parties come and go at random, and no phase is left half', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const phaser = space.barrier('p', 0, PHASER);
    const anchor = phaser.join();
    let running = 40;
    const phases = new Map();
    const arrive = async (party) => {
      const { generation, index, leader } = await party.wait();
      if (!phases.has(generation)) phases.set(generation, { indexes: [], leaders: 0 });
      phases.get(generation).indexes.push(index);
      if (leader) phases.get(generation).leaders += 1;
      return generation;
    };
    const work = async () => {
      for (let stay = 0; stay < 5; stay++) {
        const party = phaser.join();
        let last = -1;
        for (let round = random(5) + 1; round > 0; round--) {
          const generation = await arrive(party);
          assert.ok(last === -1 || generation === last + 1);
          last = generation;
        }
        party.leave();
        await sleep(random(2));
      }
      running -= 1;
    };
    const works = Array.from({ length: 40 }, work);
    while (running > 0) {
      await arrive(anchor);
      await sleep(0);
    }
    anchor.leave();
    await Promise.all(works);
    assert.equal(phases.size, phaser.state().generation);
    for (const { indexes, leaders } of phases.values()) {
      assert.ok(leaders <= 1);
      assert.deepEqual(indexes.sort((one, other) => one - other),
        Array.from({ length: indexes.length }, (_, index) => index));
    }
    assert.equal(phaser.state().parties, 0);
    space.check();
  });
});
