'use strict';
const assert = require('node:assert/strict');
const path = require('node:path');
const { after, describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { PATIENCE, newUrl, openSpace, until } = require('./helpers/setup.js');

const LIBRARY = path.join(__dirname, '..', 'lib');
const workers = [];

/** Starts a worker thread that runs `body` with `space` open and `say` to tell the test. */
function start(url, body) {
  const worker = new Worker(`
    const { open } = require(${JSON.stringify(LIBRARY)});
    const { parentPort } = require('node:worker_threads');
    const say = (message) => parentPort.postMessage(message);
    (async () => {
      say('runs');
      const space = open(${JSON.stringify(url)});
      say('has opened');
      ${body}
    })();
  `, { eval: true });
  const messages = [];
  worker.on('message', (message) => messages.push(message));
  worker.said = async (message) => {
    try {
      await until(() => messages.includes(message), `a worker says ${message}`);
    } catch (error) {
      error.message += `, it said: ${messages.join(', ')}`;
      throw error;
    }
  };
  worker.ended = new Promise((resolve, reject) => {
    worker.once('exit', resolve);
    worker.once('error', reject);
  });
  workers.push(worker);
  return worker;
}

after(() => Promise.all(workers.map((worker) => worker.terminate())));

describe('worker threads', () => {
  test('exclude each other and end by themselves', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const total = space.semaphore('total', 0, { signalling: true });
    const workers = [1, 2, 3].map(() => start(url, `
      const mutex = space.mutex('m');
      const total = space.semaphore('total', 0, { signalling: true });
      const inside = space.semaphore('inside', 1);
      for (let round = 0; round < 300; round++) {
        await mutex.run(async () => {
          const permit = inside.tryAcquire();
          if (permit === null) throw new Error('two are inside');
          if (round % 10 === 0) await new Promise(setImmediate);
          permit.release();
          total.release();
        });
      }
      space.close();
    `));
    for (const worker of workers) assert.equal(await worker.ended, 0);
    assert.equal(total.available, 900);
    space.check();
  });

  test('a worker that ends without closing leaves nothing open', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const worker = start(url, `
      await space.semaphore('s', 1).acquire();
      space.workstream('w').mutex('m');
    `);
    assert.equal(await worker.ended, 0);
    assert.equal(space.semaphore('s', 1).available, 1);
    space.workstream('w');
  });

  test('process.exit() in a worker closes its space, and tells who inherits', async () => {
    const url = newUrl();
    const space = openSpace(url);
    for (const held of [true, false]) {
      const worker = start(url, `
        const guard = await space.mutex('m').acquire();
        if (!${held}) guard.release();
        process.exit(7);
      `);
      assert.equal(await worker.ended, 7);
      const guard = space.mutex('m').tryAcquire();
      assert.equal(guard.recovered, held);
      guard.release();
    }
  });

  test('terminating a worker that waits withdraws its waits', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const worker = start(url, `
      space.mutex('m').acquire();
      space.event('e').wait();
      space.latch('l', 1).wait();
      say('waits');
    `);
    await worker.said('waits');
    const after = mutex.acquire();
    await worker.terminate();
    guard.release();
    (await after).release();
    const event = space.event('e');
    event.set();
    assert.equal(event.tryWait(), true);
    space.check();
  });

  test('terminating a worker that holds releases, and the next owner is told', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const worker = start(url, `
      await space.workstream('victim').mutex('m').acquire();
      await space.semaphore('s', 2).acquire(2);
      say('holds');
      setInterval(() => {}, 1000);
    `);
    await worker.said('holds');
    const waiting = space.mutex('m').acquire();
    await worker.terminate();
    const guard = await waiting;
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.name, 'victim');
    guard.release();
    assert.equal(space.semaphore('s', 2).available, 2);
    space.check();
  });

  test('terminating a worker that writes tells the next, one that reads does not', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const lock = space.rwlock('r');
    for (const mode of ['exclusive', 'shared']) {
      const reader = mode === 'shared' ? await lock.lock({ mode }) : undefined;
      const worker = start(url, `
        await space.workstream('victim').rwlock('r').lock({ mode: '${mode}' });
        say('holds');
        setInterval(() => {}, 1000);
      `);
      await worker.said('holds');
      await worker.terminate();
      assert.equal(reader?.isValid(), mode === 'shared' ? true : undefined);
      reader?.release();
      const guard = await lock.lock({ timeout: PATIENCE });
      assert.equal(guard.recovered, mode === 'exclusive');
      if (guard.recovered) assert.equal(guard.previousOwner.name, 'victim');
      guard.release();
    }
    space.check();
  });

  test('terminating a worker that leads elects the next', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const worker = start(url, `
      await space.election('e').campaign();
      say('leads');
      setInterval(() => {}, 1000);
    `);
    await worker.said('leads');
    const wait = space.election('e').campaign({ timeout: PATIENCE });
    await worker.terminate();
    assert.equal((await wait).leader, true);
  });

  test('terminating a worker that waits at a condition loses no signal', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const [mutex, condition] = [space.mutex('m'), space.condition('c')];
    const worker = start(url, `
      const guard = await space.mutex('m').acquire();
      const wait = space.condition('c').wait(guard);
      say('waits');
      await wait;
    `);
    await worker.said('waits');
    await until(() => condition.waiting === 1, 'the worker waits');
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    const other = mutex.tryAcquire();
    // The signal is for the worker, which cannot have the mutex yet.
    assert.equal(condition.signal(), 1);
    await worker.terminate();
    other.release();
    await wait;
    assert.equal(guard.recovered, false);
    guard.release();
    space.check();
  });

  test('20 workers are terminated in the middle of their work', async () => {
    const url = newUrl();
    const space = openSpace(url);
    for (let round = 0; round < 20; round++) {
      const worker = start(url, `
        const mutex = space.mutex('m');
        say('works');
        for (;;) await mutex.run(() => new Promise(setImmediate));
      `);
      await worker.said('works');
      await worker.terminate();
    }
    (await space.mutex('m').acquire({ timeout: PATIENCE })).release();
    space.check();
  });
});
