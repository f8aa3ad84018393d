'use strict';
const assert = require('node:assert/strict');
const path = require('node:path');
const { after, describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, until } = require('./helpers/setup.js');

const LIBRARY = path.join(__dirname, '..', 'lib');
const workers = [];

after(() => Promise.all(workers.map((worker) => worker.terminate())));

describe('a store of several processes', () => {
  test('loses no update, and of racers for one version one wins', async () => {
    const url = newUrl();
    const store = openSpace(url).workstream('me').store();
    await store.put('n', 0n);
    await store.put('race', 0);
    const peers = Array.from({ length: 4 }, () => run('store-count', url, 150));
    for (const peer of peers) assert.equal(await peer.line(), 'ready');
    for (const peer of peers) peer.go();
    const versions = [];
    for (const peer of peers) versions.push(await peer.line());
    for (const peer of peers) await peer.kill();
    assert.equal(store.get('n').value, 600n);
    assert.equal(store.get('n').version, 601n);
    // Who looks after another has won races for the next version.
    const won = versions.filter((line) => line.endsWith(' true'));
    assert.equal(new Set(won).size, won.length);
    assert.equal(store.get('race').version, BigInt(1 + won.length));
  });

  test('two write different keys, and a third sees each change once', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    const watch = store.watch();
    const names = ['one', 'two'];
    const peers = names.map((name) => run('store-put', url, name, 1000));
    for (const peer of peers) assert.equal(await peer.line(), 'ready');
    for (const peer of peers) peer.go();
    const seen = { one: [], two: [] };
    for (let count = 0; count < 2000; count++) {
      const { value: { kind, value, writer } } = await watch.next();
      assert.equal(kind, 'put');
      seen[writer].push(value);
    }
    const all = Array.from({ length: 1000 }, (_, index) => index);
    assert.deepEqual(seen, { one: all, two: all });
    assert.equal(store.info().entries, 2000);
    for (const peer of peers) assert.equal(await peer.line(), 'done');
    space.check();
  });

  test('a commit is whole or absent, whenever its process is killed', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    let before = 0n;
    for (let round = 0; round < 6; round++) {
      const victim = run('store-pairs', url);
      assert.equal(await victim.line(), 'writes');
      await until(() => store.get('pair/a')?.writer === 'victim', 'the victim writes');
      const end = performance.now() + 60 + 20 * round;
      let reads = 0;
      while (performance.now() < end) {
        const pair = store.snapshot(['pair/a', 'pair/b']);
        if (pair.size > 0) assert.equal(pair.get('pair/a').value, pair.get('pair/b').value);
        if (reads++ % 64 === 0) await new Promise(setImmediate);
      }
      victim.killNow();
      const [a, b] = store.range({ prefix: 'pair/' });
      assert.deepEqual([a.value, a.revision, a.version], [b.value, b.revision, b.version]);
      assert.equal(a.writer, 'victim');
      assert.ok(a.revision > before);
      before = a.revision;
      await store.commit(['a', 'b'].map((key) => ({ key: `pair/${key}`, value: 'again' })));
      assert.ok(reads > 0);
    }
    space.check();
  });

  test('wakes who watches and who waits, and keeps alive who does nothing else', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.workstream('writer').store();
    const [watcher, other] = [run('store-watch', url), run('store-await', url)];
    assert.equal(await watcher.line(), 'watches');
    assert.equal(await other.line(), 'waits');
    await store.put('k', 'value');
    assert.equal(await watcher.line(), 'k value writer');
    assert.equal(await other.line(), 'k');
    assert.equal((await other.exited).code, 0);
    const wait = store.wait('theirs/0');
    const peer = run('store-put', url, 'theirs', 1);
    assert.equal(await peer.line(), 'ready');
    peer.go();
    assert.equal(await wait, 1n);
    await watcher.kill();
    await store.put('k', 'more');
    space.check();
  });

  test('Workers share it, and one that is terminated leaves it whole', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    await store.put('n', 0);
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(`
        const { open } = require(${JSON.stringify(LIBRARY)});
        (async () => {
          const store = open(${JSON.stringify(url)}).store();
          for (;;) {
            await store.update('n', (value) => value + 1);
            await store.commit(['x', 'y'].map((key) => ({ key, value: 'z'.repeat(500) + key })));
            await new Promise(setImmediate);
          }
        })();
      `, { eval: true });
      workers.push(worker);
      const { value } = store.get('n');
      await until(() => store.get('n').value > value + 20, 'the worker works');
      await worker.terminate();
    }
    const { value } = store.get('n');
    await store.update('n', (number) => number + 1);
    assert.equal(store.get('n').value, value + 1);
    space.check();
  });
});
