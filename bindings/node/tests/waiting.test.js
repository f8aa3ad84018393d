'use strict';
const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, randomNumbers, sleep } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

describe('timeouts', () => {
  test('0 tries, more waits about that long', async () => {
    const mutex = openSpace().mutex('m');
    const guard = await mutex.acquire({ timeout: 0 });
    await assert.rejects(mutex.acquire({ timeout: 0 }), TIMEOUT);
    const start = performance.now();
    await assert.rejects(mutex.acquire({ timeout: 30 }), TIMEOUT);
    const waited = performance.now() - start;
    assert.ok(waited >= 29.9, `it waited only ${waited} ms`);
    await assert.rejects(mutex.acquire({ timeout: 0.001 }), TIMEOUT);
    guard.release();
    (await mutex.acquire({ timeout: 0 })).release();
  });

  test('infinite and absurdly long timeouts are for ever', async () => {
    const mutex = openSpace().mutex('m');
    const guard = await mutex.acquire();
    const waits = [Infinity, undefined, 2 ** 53, 1e15, Number.MAX_VALUE]
      .map((timeout) => mutex.acquire({ timeout }));
    await sleep(5);
    guard.release();
    for (const wait of waits) (await wait).release();
  });

  test('wrong timeouts and signals are refused by every wait', async () => {
    const space = openSpace();
    const guard = await space.mutex('held').acquire();
    const reader = await space.rwlock('read').lock({ mode: 'shared' });
    const condition = space.condition('c');
    const waits = [
      ...[
        space.mutex('m'), space.semaphore('s', 1), space.latch('l', 0), space.event('e'),
        space.barrier('b', 1),
      ].map((object) => (options) => (object.acquire ?? object.wait).call(object, options)),
      (options) => space.rwlock('r').lock(options),
      (options) => space.election('el').campaign(options),
      (options) => reader.upgrade(options),
      (options) => condition.wait(guard, options),
      (options) => condition.waitFor(guard, () => true, options),
    ];
    for (const wait of waits) {
      for (const timeout of [NaN, -1, -0.5, -Infinity]) {
        await assert.rejects(wait({ timeout }), RangeError);
      }
      for (const timeout of ['5', null, 5n, {}, true]) {
        await assert.rejects(wait({ timeout }), TypeError);
      }
      for (const signal of [null, {}, 5, new AbortController()]) {
        await assert.rejects(wait({ signal }), TypeError);
      }
      await assert.rejects(wait({ timeOut: 5 }), { name: 'TypeError', message: /timeOut/ });
      await assert.rejects(wait(null), TypeError);
      await assert.rejects(wait('5'), TypeError);
    }
    assert.equal(space.semaphore('s').available, 1);
    assert.equal(reader.mode, 'shared');
    assert.equal(guard.isValid(), true);
    space.rwlock('r').tryLock().release();
    assert.equal(space.election('el').leader, null);
  });
});

describe('abort signals', () => {
  test('an aborted signal takes nothing', async () => {
    const space = openSpace();
    const signal = AbortSignal.abort(new Error('before'));
    const [mutex, semaphore] = [space.mutex('m'), space.semaphore('s', 1)];
    const [latch, event, barrier] = [space.latch('l', 0), space.event('e'), space.barrier('b', 1)];
    event.set();
    for (const wait of [mutex.acquire({ signal }), semaphore.acquire({ signal }),
      latch.wait({ signal }), event.wait({ signal }), barrier.wait({ signal })]) {
      await assert.rejects(wait, { message: 'before' });
    }
    assert.notEqual(mutex.tryAcquire(), null);
    assert.equal(semaphore.available, 1);
    assert.equal(event.isSet(), true);
    assert.equal(barrier.state().generation, 0);
  });

  test('aborting while waiting rejects with the reason and leaves the line', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const controller = new AbortController();
    const reason = new Error('enough');
    const waits = [
      mutex.acquire({ signal: controller.signal }),
      space.latch('l', 1).wait({ signal: controller.signal }),
      space.event('e').wait({ signal: controller.signal }),
      mutex.run(() => assert.fail(), { signal: controller.signal }),
    ];
    const after = mutex.acquire();
    await sleep(5);
    controller.abort(reason);
    for (const wait of waits) await assert.rejects(wait, (error) => error === reason);
    guard.release();
    (await after).release();
  });

  test('AbortSignal.timeout works', async () => {
    const event = openSpace().event('e');
    await assert.rejects(event.wait({ signal: AbortSignal.timeout(10) }), { name: 'TimeoutError' });
  });

  test('no listener stays behind, however the wait ends', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const { signal } = new AbortController();
    (await mutex.acquire({ signal })).release();
    const guard = await mutex.acquire({ signal });
    await assert.rejects(mutex.acquire({ signal, timeout: 5 }), TIMEOUT);
    const waiting = mutex.acquire({ signal });
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    guard.release();
    (await waiting).release();
    const pending = space.event('e').wait({ signal });
    space.close();
    await assert.rejects(pending, { code: 'ERR_SYNCMGR_CLOSED' });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('abort racing grant, 2,000 times: granted or given back', async () => {
    const random = randomNumbers();
    const space = openSpace();
    const [mutex, semaphore] = [space.mutex('m'), space.semaphore('s', 2)];
    const event = space.event('e');
    let [granted, aborted] = [0, 0];
    for (let round = 0; round < 2000; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const guard = mutex.tryAcquire();
      const permits = semaphore.tryAcquire(2);
      assert.notEqual(guard, null, `round ${round}: the mutex was lost`);
      assert.notEqual(permits, null, `round ${round}: permits were lost`);
      const waits = Promise.allSettled([
        event.wait({ signal }), mutex.acquire({ signal }), semaphore.acquire(2, { signal }),
      ]);
      const steps = [
        () => controller.abort(), () => guard.release(), () => permits.release(),
        () => event.set(),
      ];
      // The steps run in any order, some in the same turn of the event loop, some in the next.
      while (steps.length > 0) {
        const [step] = steps.splice(random(steps.length), 1);
        step();
        if (random(4) === 0) await new Promise(setImmediate);
      }
      const [woken, ...outcomes] = await waits;
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') {
          granted += 1;
          outcome.value.release();
        } else {
          aborted += 1;
          assert.equal(outcome.reason, signal.reason);
        }
      }
      assert.equal(event.tryWait(), woken.status === 'rejected', `round ${round}: a set was lost`);
    }
    assert.ok(granted > 0 && aborted > 0, `${granted} granted, ${aborted} aborted`);
    assert.equal(semaphore.available, 2);
    space.check();
  });
});

describe('the event loop', () => {
  test('is not held up while 100 waits are pending', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const waits = Array.from({ length: 100 }, () => mutex.acquire());
    const lateness = [];
    for (let turn = 0; turn < 40; turn++) {
      const start = performance.now();
      await sleep(5);
      lateness.push(performance.now() - start - 5);
    }
    guard.release();
    for (const wait of waits) (await wait).release();
    lateness.sort((one, other) => one - other);
    assert.ok(lateness[20] < 20, `half of the timers were ${lateness[20]} ms late`);
  });

  test('10,000 waits pend at once and are all served', async () => {
    const mutex = openSpace().mutex('m');
    const guard = await mutex.acquire();
    let served = 0;
    const waits = Array.from({ length: 10_000 }, () => mutex.acquire().then((next) => {
      served += 1;
      next.release();
    }));
    guard.release();
    await Promise.all(waits);
    assert.equal(served, 10_000);
  });

  test('more waits than the space has room for: the rest is refused, nothing is lost', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const outcomes = { served: 0, refused: 0 };
    const waits = Array.from({ length: 66_000 }, () => mutex.acquire().then((next) => {
      outcomes.served += 1;
      next.release();
    }, (error) => {
      assert.equal(error.code, 'ERR_SYNCMGR_LIMIT');
      outcomes.refused += 1;
    }));
    guard.release();
    await Promise.all(waits);
    assert.ok(outcomes.served > 60_000, `${outcomes.served} were served`);
    assert.ok(outcomes.refused > 400, `${outcomes.refused} were refused`);
    mutex.tryAcquire().release();
    space.check();
  });

  test('a pending wait keeps the program running', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const peer = run('pending-only', url);
    assert.equal(await peer.line(), 'waits');
    const raced = await Promise.race([peer.exited, sleep(300)]);
    assert.equal(raced, undefined);
    space.event('e').set();
    assert.equal(await peer.line(), 'woken');
    assert.deepEqual(await peer.exited, { code: 0, signal: null });
  });

  test('a program without pending waits ends, though its space is open', async () => {
    const peer = run('idle', newUrl());
    assert.equal(await peer.line(), 'idle');
    assert.deepEqual(await peer.exited, { code: 0, signal: null });
  });

  test('ref keeps the program running, unref lets it go', () => {
    const space = openSpace();
    assert.equal(space.ref().ref(), space);
    assert.equal(space.unref().unref(), space);
    space.ref();
  });
});
