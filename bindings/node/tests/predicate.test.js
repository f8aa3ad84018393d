'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { PATIENCE, openSpace, sleep, until } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

/** A mutex and a condition of one space. */
function pair() {
  const space = openSpace();
  return { space, mutex: space.mutex('m'), condition: space.condition('c') };
}

describe('waiting for a predicate', () => {
  test('looks at first and after each signal, while the mutex is held', async () => {
    const { mutex, condition } = pair();
    let [value, looks] = [0, 0];
    const wait = mutex.run((guard) => condition.waitFor(guard, async () => {
      looks += 1;
      assert.equal(guard.isValid(), true);
      await sleep(0);
      return value === 3 && 'three';
    }));
    for (let round = 1; round <= 3; round++) {
      await until(() => condition.waiting === 1, 'it waits');
      await mutex.run(() => {
        value = round;
        condition.signal();
      });
    }
    assert.equal(await wait, 'three');
    assert.equal(looks, 4);
    assert.equal(await mutex.run((guard) => condition.waitFor(guard, () => 7, { timeout: 0 })), 7);
  });

  test('one timeout for all looks, and the predicate has the last word', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    await assert.rejects(condition.waitFor(guard, () => false, { timeout: 0 }), TIMEOUT);
    const ticking = setInterval(() => condition.signal(), 5);
    await assert.rejects(condition.waitFor(guard, () => false, { timeout: 50 }), TIMEOUT);
    clearInterval(ticking);
    const begin = performance.now();
    const late = () => performance.now() - begin > 20;
    assert.equal(await condition.waitFor(guard, late, { timeout: 30 }), true);
    assert.equal(guard.isValid(), true);
    guard.release();
  });

  test('a predicate that fails, and an abort, leave the mutex locked', async () => {
    const { mutex, condition } = pair();
    const guard = await mutex.acquire();
    await assert.rejects(condition.waitFor(guard, () => { throw new Error('mine'); }),
      { message: 'mine' });
    assert.equal(guard.isValid(), true);
    const controller = new AbortController();
    const wait = condition.waitFor(guard, () => false, { signal: controller.signal });
    await until(() => condition.waiting === 1, 'it waits');
    controller.abort(new Error('enough'));
    await assert.rejects(wait, { message: 'enough' });
    assert.equal(guard.isValid(), true);
    guard.release();
  });

  test('a buffer of one place: 4 producers and 4 consumers lose nothing', async () => {
    const { space, mutex } = pair();
    const [filled, emptied] = [space.condition('filled'), space.condition('emptied')];
    const rounds = 250;
    const received = [];
    let place;
    const produce = async (producer) => {
      for (let round = 0; round < rounds; round++) {
        await mutex.run(async (guard) => {
          await emptied.waitFor(guard, () => place === undefined, { timeout: PATIENCE });
          place = producer * rounds + round;
          filled.signal();
        });
      }
    };
    const consume = async () => {
      for (let round = 0; round < rounds; round++) {
        await mutex.run(async (guard) => {
          await filled.waitFor(guard, () => place !== undefined, { timeout: PATIENCE });
          received.push(place);
          place = undefined;
          emptied.signal();
        });
      }
    };
    await Promise.all([0, 1, 2, 3].flatMap((index) => [produce(index), consume()]));
    assert.deepEqual(received.sort((one, other) => one - other),
      Array.from({ length: 4 * rounds }, (_, index) => index));
    space.check();
  });

  test('a burst of waiters leaves no handle behind', async () => {
    const { space, mutex, condition } = pair();
    for (let round = 0; round < 3; round++) {
      const waits = Array.from({ length: 300 }, () => mutex.run((guard) => condition.wait(guard)));
      await until(() => condition.waiting === 300, 'all wait');
      condition.broadcast();
      await Promise.all(waits);
    }
    condition.close();
    space.remove('condition', 'c');
    space.check();
  });
});
