'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { PATIENCE, newUrl, openSpace, randomNumbers, sleep, syncmgr } =
  require('./helpers/setup.js');

const { once } = syncmgr;
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const NOT_OWNER = { name: 'NotOwnerError', code: 'ERR_SYNCMGR_NOT_OWNER' };
const LOST = { name: 'LostError', code: 'ERR_SYNCMGR_LOST' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };

describe('election', () => {
  test('one leads, the others wait, and the longest candidate is next', async () => {
    const election = openSpace().election('e');
    assert.equal(election.leader, null);
    assert.equal(election.result, null);
    const first = await election.campaign();
    assert.ok(first instanceof syncmgr.Leadership);
    assert.equal(first.leader, true);
    assert.equal(typeof first.term, 'bigint');
    assert.equal(first.isValid(), true);
    await assert.rejects(election.campaign({ timeout: 0 }), TIMEOUT);
    await assert.rejects(election.campaign({ timeout: 5 }), TIMEOUT);
    const order = [];
    let last = first.term;
    const terms = Array.from({ length: 5 }, async (_, index) => {
      const leadership = await election.campaign();
      order.push(index);
      assert.ok(leadership.term > last);
      last = leadership.term;
      leadership.resign();
    });
    await sleep(5);
    assert.deepEqual(order, []);
    first.resign();
    assert.equal(first.released, true);
    assert.equal(first.isValid(), false);
    first.resign();
    await Promise.all(terms);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  });

  test('a result ends it for every candidate, waiting or new', async () => {
    const election = openSpace().election('e');
    const leadership = await election.campaign();
    const waits = [election.campaign(), election.campaign()];
    leadership.finish('gold');
    assert.equal(leadership.released, true);
    for (const wait of [...waits, election.campaign({ timeout: 0 })]) {
      const { leader, result } = await wait;
      assert.equal(leader, false);
      assert.ok(Buffer.isBuffer(result));
      assert.equal(result.toString(), 'gold');
    }
    assert.equal(election.result.toString(), 'gold');
    assert.equal(election.leader, null);
    election.reset();
    assert.equal(election.result, null);
    (await election.campaign({ timeout: 0 })).resign();
  });

  test('a result is a string or bytes, 256 of them at most', async () => {
    const election = openSpace().election('e');
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const results = [
      [undefined, ''], ['', ''], ['\u20ac', '\u20ac'], [bytes, bytes], [bytes.buffer, bytes],
      [new Uint8Array(0), ''], [new DataView(bytes.buffer, 3, 4), bytes.subarray(3, 7)],
      ['x'.repeat(256), 'x'.repeat(256)],
    ];
    for (const [given, expected] of results) {
      (await election.campaign()).finish(given);
      assert.deepEqual(election.result, Buffer.from(expected));
      election.reset();
    }
    const leadership = await election.campaign();
    assert.throws(() => leadership.finish('x'.repeat(257)), { code: 'ERR_SYNCMGR_INVALID' });
    for (const given of [5, null, {}, true]) {
      assert.throws(() => leadership.finish(given), TypeError);
    }
    assert.equal(leadership.isValid(), true);
    leadership.finish('small');
    assert.equal(election.result.toString(), 'small');
  });

  test('the election itself finishes and resigns for its leader', async () => {
    const space = openSpace();
    const election = space.election('e');
    assert.throws(() => election.finish('x'), NOT_OWNER);
    assert.throws(() => election.resign(), NOT_OWNER);
    const first = await election.campaign();
    assert.throws(() => space.election('e').resign(), NOT_OWNER);
    election.resign();
    assert.equal(first.released, true);
    const second = await election.campaign();
    election.finish('done');
    assert.equal(second.released, true);
    assert.throws(() => second.finish('again'), NOT_OWNER);
    assert.equal(election.result.toString(), 'done');
  });

  test('two handles of one workstream are one leader', async () => {
    const me = openSpace().workstream('w');
    const [one, other] = [me.election('e'), me.election('e')];
    const leadership = await one.campaign();
    assert.equal((await other.campaign()).term, leadership.term);
    one.resign();
    assert.equal(other.leader, null);
    const next = await one.campaign();
    me.election('e').finish('done');
    assert.equal(one.result.toString(), 'done');
    assert.equal(next.isValid(), false);
  });

  test('a workstream that leads already gets its leadership', async () => {
    const election = openSpace().workstream('w').election('e');
    const leadership = await election.campaign();
    assert.equal(await election.campaign(), leadership);
    leadership.release();
    const next = await election.campaign();
    assert.notEqual(next, leadership);
    assert.ok(next.term > leadership.term);
    leadership.resign();
    assert.equal(next.isValid(), true);
    next.resign();
  });

  test('who leads is known', async () => {
    const space = openSpace();
    const me = space.workstream('w');
    const leadership = await me.election('e').campaign();
    assert.deepEqual(space.election('e').leader, {
      workstream: me.id, name: 'w', pid: process.pid, amount: 1, token: leadership.term,
    });
    leadership[Symbol.dispose]();
    const other = await me.election('e').campaign();
    await other[Symbol.asyncDispose]();
    assert.equal(space.election('e').leader, null);
  });

  test('force: the next is elected, the old one finds out', async () => {
    const election = openSpace().election('e');
    assert.equal(election.forceRelease(), false);
    const ends = [(old) => old.resign(), (old) => old.finish('late')];
    for (const end of ends) {
      const old = await election.campaign();
      const wait = election.campaign({ timeout: PATIENCE });
      assert.equal(election.forceRelease(), true);
      const next = await wait;
      assert.ok(next.term > old.term);
      assert.equal(old.isValid(), false);
      assert.throws(() => end(old), LOST);
      assert.equal(old.released, true);
      old.resign();
      assert.equal(next.isValid(), true);
      next.resign();
    }
    assert.equal(election.result, null);
    (await election.campaign({ timeout: 0 })).resign();
  });

  test('an aborted candidate leaves the line, also when it was just elected', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const election = space.election('e');
    for (let round = 0; round < 500; round++) {
      const leadership = await election.campaign();
      const controller = new AbortController();
      const wait = election.campaign({ signal: controller.signal }).then(
        (next) => next.resign(), (error) => assert.equal(error.name, 'AbortError'));
      const steps = [() => leadership.resign(), () => controller.abort()];
      if (random(2) === 0) steps.reverse();
      steps[0]();
      if (random(2) === 0) await sleep(0);
      steps[1]();
      await wait;
      assert.equal(election.leader, null);
    }
    await assert.rejects(election.campaign({ signal: AbortSignal.abort(new Error('before')) }),
      { message: 'before' });
    space.check();
  });

  test('closing resigns, and ends waits', async () => {
    const space = openSpace();
    for (const opener of [space, space.workstream('w')]) {
      const election = opener.election('e');
      const other = space.workstream().election('e');
      const leadership = await election.campaign();
      const wait = other.campaign();
      other.close();
      await assert.rejects(wait, CLOSED);
      const next = space.election('e').campaign();
      election.close();
      election.close();
      assert.equal(leadership.released, true);
      leadership.resign();
      assert.throws(() => leadership.finish('x'), NOT_OWNER);
      await assert.rejects(election.campaign(), CLOSED);
      for (const use of [() => election.finish('x'), () => election.resign(),
        () => election.result, () => election.leader, () => election.reset(),
        () => election.forceRelease()]) {
        assert.throws(use, CLOSED);
      }
      (await next).resign();
      assert.equal(inspect(election), 'Election "e" (closed)');
    }
    assert.throws(() => space.mutex('e'), { code: 'ERR_SYNCMGR_TYPE' });
  });
});

describe('once', () => {
  test('one runs it, everybody gets the result', async () => {
    const space = openSpace();
    let runs = 0;
    const task = async (leadership) => {
      assert.equal(leadership.isValid(), true);
      runs += 1;
      await sleep(5);
      return { runs, list: [1, 'two', null] };
    };
    const expected = { runs: 1, list: [1, 'two', null] };
    const results = await Promise.all(Array.from({ length: 10 }, () => once(space, 'o', task)));
    for (const result of results) assert.deepEqual(result, expected);
    assert.deepEqual(await once(space.workstream('w'), 'o', task), expected);
    assert.equal(runs, 1);
    space.election('o').reset();
    assert.equal((await once(space, 'o', task)).runs, 2);
  });

  test('the one that ran it gets what the others get', async () => {
    const space = openSpace();
    assert.deepEqual(await once(space, 'date', () => ({ at: new Date(0) })),
      { at: '1970-01-01T00:00:00.000Z' });
    for (const value of [undefined, null, 0, '', false]) {
      const name = `value-${value}`;
      assert.equal(await once(space, name, () => value), value);
      assert.equal(await once(space, name, () => assert.fail()), value);
    }
  });

  test('a task that fails lets the next run its own', async () => {
    const space = openSpace();
    const failing = once(space, 'o', async () => {
      await sleep(5);
      throw new Error('mine');
    });
    const next = once(space, 'o', () => 'second');
    await assert.rejects(failing, { message: 'mine' });
    assert.equal(await next, 'second');
  });

  test('a result that cannot travel is a failure', async () => {
    const space = openSpace();
    await assert.rejects(once(space, 'o', () => 'x'.repeat(255)), RangeError);
    await assert.rejects(once(space, 'o', () => 5n), TypeError);
    await assert.rejects(once(space, 'o', () => () => {}), TypeError);
    await assert.rejects(once(space, 'o', 5), TypeError);
    assert.equal(await once(space, 'o', () => 'x'.repeat(254)), 'x'.repeat(254));
  });

  test('who waits for the result can give up, and nothing stays open', async () => {
    const space = openSpace(newUrl());
    let end;
    const running = once(space, 'o', () => new Promise((resolve) => { end = resolve; }));
    await assert.rejects(once(space, 'o', () => assert.fail(), { timeout: 5 }), TIMEOUT);
    const controller = new AbortController();
    const waiting = once(space, 'o', () => assert.fail(), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, { message: 'enough' });
    end(1);
    assert.equal(await running, 1);
    space.remove('election', 'o');
    space.check();
  });
});
