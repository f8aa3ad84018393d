'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { openSpace, randomNumbers, sleep, until } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };
const NOT_OWNER = { name: 'NotOwnerError', code: 'ERR_SYNCMGR_NOT_OWNER' };

/** A mutex and a condition of one space. */
function pair() {
  const space = openSpace();
  return { space, mutex: space.mutex('m'), condition: space.condition('c') };
}

/** Waits at the condition in a task of its own, and says in `log` when it goes on. */
function waiter({ mutex, condition }, log, word) {
  return mutex.run(async (guard) => {
    await condition.wait(guard);
    assert.equal(guard.isValid(), true);
    log.push(word);
  });
}

describe('condition', () => {
  test('waiting unlocks the mutex, and a signal locks it again', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    const { token } = guard;
    const wait = condition.wait(guard);
    assert.equal(condition.waiting, 1);
    assert.equal(guard.isValid(), false);
    const other = mutex.tryAcquire();
    assert.notEqual(other, null);
    assert.equal(condition.signal(), 1);
    assert.equal(condition.waiting, 0);
    assert.equal(await Promise.race([wait, sleep(10)]), undefined);
    assert.equal(guard.isValid(), false);
    other.release();
    await wait;
    assert.equal(guard.isValid(), true);
    assert.ok(guard.token > token);
    assert.equal(guard.recovered, false);
    assert.equal(mutex.tryAcquire(), null);
    guard.release();
    mutex.tryAcquire().release();
  });

  test('a signal goes to the longest waiter, each to one', async () => {
    const objects = pair();
    const log = [];
    const waits = [];
    for (let index = 0; index < 5; index++) {
      waits.push(waiter(objects, log, index));
      await until(() => objects.condition.waiting === index + 1, 'it waits');
    }
    assert.equal(objects.condition.signal(), 1);
    await waits[0];
    assert.deepEqual(log, [0]);
    assert.equal(objects.condition.signal(2), 2);
    await waits[2];
    assert.deepEqual(log, [0, 1, 2]);
    assert.equal(objects.condition.signal(10), 2);
    await Promise.all(waits);
    assert.deepEqual(log, [0, 1, 2, 3, 4]);
  });

  test('broadcast signals everybody', async () => {
    const objects = pair();
    const log = [];
    const waits = Array.from({ length: 50 }, (_, index) => waiter(objects, log, index));
    await until(() => objects.condition.waiting === 50, 'all wait');
    assert.equal(objects.condition.broadcast(), 50);
    await Promise.all(waits);
    assert.equal(log.length, 50);
    assert.equal(objects.condition.broadcast(), 0);
  });

  test('a signal that nobody waits for is not kept', async () => {
    const { mutex, condition } = pair();
    assert.equal(condition.signal(), 0);
    await mutex.run((guard) => assert.rejects(condition.wait(guard, { timeout: 10 }), TIMEOUT));
  });

  test('after a timeout the mutex is locked', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    const begin = performance.now();
    await assert.rejects(condition.wait(guard, { timeout: 20 }), TIMEOUT);
    assert.ok(performance.now() - begin >= 19.9);
    assert.equal(guard.isValid(), true);
    // Also when somebody else has it at that moment.
    const wait = assert.rejects(condition.wait(guard, { timeout: 10 }), TIMEOUT);
    const other = mutex.tryAcquire();
    await sleep(40);
    assert.equal(guard.isValid(), false);
    other.release();
    await wait;
    assert.equal(guard.isValid(), true);
    guard.release();
    assert.equal(condition.waiting, 0);
  });

  test('after an abort the mutex is locked, too', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    const controller = new AbortController();
    const wait = condition.wait(guard, { signal: controller.signal });
    const other = mutex.tryAcquire();
    controller.abort(new Error('enough'));
    let settled = false;
    const rejected = assert.rejects(wait, { message: 'enough' }).then(() => { settled = true; });
    await sleep(20);
    assert.equal(settled, false);
    other.release();
    await rejected;
    assert.equal(guard.isValid(), true);
    assert.equal(mutex.tryAcquire(), null);
    // Aborted before: nothing is done, and nothing was unlocked.
    const { token } = guard;
    await assert.rejects(condition.wait(guard, { signal: controller.signal }),
      { message: 'enough' });
    assert.equal(guard.token, token);
    guard.release();
  });

  test('a signal is not lost to a waiter that is aborted', async () => {
    const random = randomNumbers();
    const { space, mutex, condition } = pair();
    for (let round = 0; round < 300; round++) {
      const controller = new AbortController();
      const outcomes = [];
      const tasks = [controller.signal, undefined].map((signal, index) => mutex.run((guard) =>
        condition.wait(guard, { signal }).then(
          () => outcomes.push(index), () => outcomes.push(`aborted ${index}`))));
      await until(() => condition.waiting === 2, 'both wait');
      const blocker = random(2) === 0 ? mutex.tryAcquire() : undefined;
      const steps = [() => assert.equal(condition.signal(), 1), () => controller.abort()];
      if (random(3) === 0) steps.reverse();
      steps[0]();
      if (random(2) === 0) await sleep(0);
      steps[1]();
      blocker?.release();
      await tasks[0];
      // The signal went to the first, or, because that left, to the second.
      if (outcomes[0] === 0 || outcomes[1] === 0) {
        await until(() => condition.waiting === 1, 'the second still waits');
        condition.signal();
      }
      await tasks[1];
      assert.equal(outcomes.length, 2);
      assert.ok(outcomes.includes(1));
    }
    space.check();
  });

  test('the mutex itself may be given, if it is held through that object', async () => {
    const { space, mutex, condition } = pair();
    await assert.rejects(condition.wait(mutex), NOT_OWNER);
    const guard = await mutex.acquire();
    await assert.rejects(condition.wait(space.mutex('m')), NOT_OWNER);
    const wait = condition.wait(mutex);
    assert.equal(guard.isValid(), false);
    condition.signal();
    await wait;
    assert.equal(guard.isValid(), true);
    guard.release();
  });

  test('only who holds the mutex can wait, and in one wait at a time', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    for (const held of [guard]) {
      await assert.rejects(condition.wait(held), { code: 'ERR_SYNCMGR_BUSY' });
      await assert.rejects(condition.waitFor(held, () => true), { code: 'ERR_SYNCMGR_BUSY' });
      assert.throws(() => held.release(), { code: 'ERR_SYNCMGR_BUSY' });
    }
    await assert.rejects(condition.wait(mutex), NOT_OWNER);
    condition.signal();
    await wait;
    guard.release();
    await assert.rejects(condition.wait(guard), NOT_OWNER);
    for (const held of [undefined, null, 5, {}, condition]) {
      await assert.rejects(condition.wait(held), TypeError);
    }
    mutex.tryAcquire().release();
  });

  test('explicit workstreams: both must be of one', async () => {
    const space = openSpace();
    const [one, other] = [space.workstream('one'), space.workstream('other')];
    const guard = await one.mutex('m').acquire();
    await assert.rejects(other.condition('c').wait(guard), { code: 'ERR_SYNCMGR_INVALID' });
    assert.equal(guard.isValid(), true);
    const wait = one.condition('c').wait(guard);
    assert.equal(other.condition('c').signal(), 1);
    await wait;
    // A condition of the manager waits in the name of whoever holds the mutex.
    const shared = space.condition('c').wait(guard);
    assert.equal(other.condition('c').signal(), 1);
    await shared;
    guard.release();
    const foreign = await openSpace().mutex('m').acquire();
    await assert.rejects(space.condition('c').wait(foreign), TypeError);
    foreign.release();
  });

  test('waiters may have different mutexes', async () => {
    const { space, condition } = pair();
    const waits = ['m', 'n', 'o'].map((name) => space.mutex(name)
      .run((guard) => condition.wait(guard)));
    await until(() => condition.waiting === 3, 'all wait');
    assert.equal(condition.broadcast(), 3);
    await Promise.all(waits);
  });

  test('a recursive mutex is unlocked wholly and gets its depth back', async () => {
    const space = openSpace();
    const me = space.workstream('w');
    const mutex = me.mutex('m', { recursive: true });
    const other = space.mutex('m', { recursive: true });
    const condition = me.condition('c');
    const guards = [await mutex.acquire(), await mutex.acquire(), await mutex.acquire()];
    const controller = new AbortController();
    const endings = [
      [{}, () => condition.signal(), undefined],
      [{ timeout: 300 }, () => {}, 'TimeoutError'],
      [{ signal: controller.signal }, () => controller.abort(), 'AbortError'],
    ];
    for (const [options, end, name] of endings) {
      const wait = condition.wait(guards[1], options).then(() => undefined, (error) => error.name);
      other.tryAcquire().release();
      for (const guard of guards) {
        assert.throws(() => guard.release(), { code: 'ERR_SYNCMGR_BUSY' });
      }
      end();
      assert.equal(await wait, name);
      assert.equal(other.holder.amount, 3);
    }
    for (const guard of guards) {
      assert.equal(other.tryAcquire(), null);
      guard.release();
    }
    other.tryAcquire().release();
  });

  test('who is forced out while another waits: the waiter is told', async () => {
    const { space, mutex, condition } = pair();
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    const victim = await space.workstream('victim').mutex('m').acquire();
    condition.signal();
    assert.equal(mutex.forceRelease(), true);
    await wait;
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.name, 'victim');
    assert.throws(() => victim.release(), { code: 'ERR_SYNCMGR_LOST' });
    guard.release();
    (await mutex.acquire()).release();
  });

  test('closing the condition ends the wait, with the mutex locked', async () => {
    const { space, mutex, condition } = pair();
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    condition.close();
    condition.close();
    await assert.rejects(wait, CLOSED);
    assert.equal(guard.isValid(), true);
    await assert.rejects(condition.wait(guard), CLOSED);
    await assert.rejects(condition.waitFor(guard, () => true), CLOSED);
    for (const use of [() => condition.signal(), () => condition.broadcast(),
      () => condition.waiting]) {
      assert.throws(use, CLOSED);
    }
    guard.release();
    space.remove('condition', 'c');
    assert.equal(inspect(condition), 'Condition "c" (closed)');
  });

  test('closing the mutex, the workstream or the manager ends the wait', async () => {
    for (const close of ['mutex', 'workstream', 'space']) {
      const space = openSpace();
      const workstream = space.workstream('w');
      const mutex = workstream.mutex('m');
      const guard = await mutex.acquire();
      const wait = assert.rejects(space.condition('c').wait(guard), CLOSED);
      ({ mutex, workstream, space })[close].close();
      await wait;
      assert.equal(guard.released, true);
      guard.release();
      if (close === 'space') continue;
      space.mutex('m').tryAcquire().release();
      space.check();
    }
  });

  test('what nobody reads is refused', async () => {
    const { space, mutex, condition } = pair();
    const guard = await mutex.acquire();
    await assert.rejects(condition.wait(guard, { timeout: 0 }), { code: 'ERR_SYNCMGR_INVALID' });
    await assert.rejects(condition.wait(guard, { timeout: -1 }), RangeError);
    await assert.rejects(condition.wait(guard, { seconds: 1 }), TypeError);
    await assert.rejects(condition.waitFor(guard, 5), TypeError);
    assert.throws(() => condition.signal(0), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => condition.signal(-1), RangeError);
    assert.throws(() => space.mutex('c'), { code: 'ERR_SYNCMGR_TYPE' });
    assert.equal(guard.isValid(), true);
    guard.release();
  });
});
