'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, randomNumbers, sleep } = require('./helpers/setup.js');

const openStore = (options) => openSpace().workstream('writer').store(options);

/** Takes so many changes. */
async function take(watch, count) {
  const changes = [];
  while (changes.length < count) changes.push((await watch.next()).value);
  return changes;
}

describe('watching', () => {
  test('gives each change once and in order', async () => {
    const store = openStore();
    await store.put('before', 1);
    const watch = store.watch();
    const taking = take(watch, 4);
    await store.put('a', 'x');
    await store.commit([{ key: 'b', value: 2 }, { key: 'a', delete: true }]);
    await store.put('a', Buffer.alloc(20_000, 1));
    const changes = await taking;
    assert.deepEqual(changes.map(({ kind, key, revision }) => [kind, key, revision]), [
      ['put', 'a', 2n], ['put', 'b', 3n], ['delete', 'a', 3n], ['put', 'a', 4n]]);
    assert.deepEqual(changes.map(({ version }) => version), [1n, 1n, 2n, 3n]);
    assert.equal(changes[0].value, 'x');
    assert.equal(changes[0].writer, 'writer');
    assert.equal('value' in changes[2], false);
    assert.equal(changes[3].value.length, 20_000);
    assert.equal(watch.revision, 4n);
    await watch.return();
  });

  test('goes on behind a revision, and chooses by prefix and glob', async () => {
    const store = openStore();
    for (const key of ['a/1', 'b/1', 'a/2', 'a/2/x']) await store.put(key, key);
    const keys = async (given, count) => (
      (await take(store.watch(given), count)).map(({ key }) => key));
    assert.deepEqual(await keys({ since: 0 }, 4), ['a/1', 'b/1', 'a/2', 'a/2/x']);
    assert.deepEqual(await keys({ since: 1n, prefix: 'a/' }, 2), ['a/2', 'a/2/x']);
    assert.deepEqual(await keys({ since: 0, glob: 'a/*' }, 2), ['a/1', 'a/2']);
    assert.throws(() => store.watch({ since: -1 }), RangeError);
    assert.throws(() => store.watch({ from: 1 }), TypeError);
    assert.throws(() => store.watch({ glob: 5 }), TypeError);
  });

  test('tells a value that was changed again before it was read', async () => {
    const store = openStore();
    for (let round = 0; round < 4; round++) await store.put('large', Buffer.alloc(50_000, round));
    const changes = await take(store.watch({ since: 0 }), 4);
    const last = changes.at(-1);
    assert.equal(last.kind, 'put');
    assert.equal(last.value[0], 3);
    assert.equal(changes[0].kind, 'superseded');
    assert.equal('value' in changes[0], false);
  });

  test('tells who fell behind, and gives what there is now', async () => {
    const store = openStore({ logSize: 65_536 });
    const watch = store.watch({ prefix: 'k/' });
    await store.put('other', 1);
    for (let round = 0; round < 3000; round++) await store.put(`k/${round % 10}`, `value ${round}`);
    const [gap] = await take(watch, 1);
    assert.equal(gap.kind, 'gap');
    assert.equal(gap.revision, 3001n);
    assert.equal(gap.entries.length, 10);
    assert.deepEqual(gap.entries.map(({ value }) => value).sort()[0], 'value 2990');
    const next = take(watch, 1);
    await store.put('k/1', 'new');
    const [change] = await next;
    assert.deepEqual([change.kind, change.value, change.revision], ['put', 'new', 3002n]);
  });

  test('large commits, and more of them than are read at once', async () => {
    const store = openStore();
    const list = (size) => Array.from({ length: size }, (_, index) => (
      { key: `k/${index}`, value: 'x'.repeat(index % 300) }));
    await store.commit(list(1000));
    for (let round = 0; round < 200; round++) await store.put('one', round);
    const changes = await take(store.watch({ since: 0 }), 1200);
    assert.equal(new Set(changes.slice(0, 1000).map(({ key }) => key)).size, 1000);
    assert.deepEqual(changes.slice(1000).map(({ value }) => value),
      Array.from({ length: 200 }, (_, round) => round));
  });

  test('ends by break, by return, by a signal, and when the store is closed', async () => {
    const store = openStore();
    await store.put('a', 1);
    for await (const { key } of store.watch({ since: 0 })) {
      assert.equal(key, 'a');
      break;
    }
    const watch = store.watch();
    const pending = watch.next();
    await sleep(5);
    await watch.return();
    assert.deepEqual(await pending, { value: undefined, done: true });
    assert.equal((await watch.next()).done, true);

    const controller = new AbortController();
    const aborted = store.watch({ signal: controller.signal });
    const waiting = aborted.next();
    controller.abort(new RangeError('enough'));
    await assert.rejects(waiting, RangeError);
    assert.equal((await aborted.next()).done, true);
    await assert.rejects(store.watch({ signal: controller.signal }).next(), RangeError);

    const last = store.watch();
    const end = last.next();
    store.close();
    assert.equal((await end).done, true);
    assert.equal((await last.next()).done, true);
  });

  test('calls at the same time take their turns, and other tasks too', async () => {
    const store = openStore();
    const watch = store.watch();
    const calls = Promise.all([watch.next(), watch.next(), watch.next()]);
    for (const key of ['a', 'b', 'c']) await store.put(key, key);
    assert.deepEqual((await calls).map(({ value }) => value.key), ['a', 'b', 'c']);
    for (let round = 0; round < 3000; round++) await store.put('k', round);
    let turns = 0;
    const timer = setInterval(() => { turns += 1; }, 0);
    await take(store.watch({ since: 3 }), 3000);
    clearInterval(timer);
    assert.ok(turns > 0);
  });

  test('a copy that follows the changes is what the store has', async () => {
    const random = randomNumbers();
    const store = openStore({ logSize: 65_536 });
    const copy = new Map();
    let gaps = 0;
    const stop = new AbortController();
    const watch = store.watch({ signal: stop.signal });
    const follow = (async () => {
      for await (const change of watch) {
        if (change.kind === 'gap') {
          gaps += 1;
          copy.clear();
          for (const { key, value } of change.entries) copy.set(key, value);
        } else if (change.kind === 'put') copy.set(change.key, change.value);
        else copy.delete(change.key);
        if (random(400) === 0) await sleep(2);
        if (change.key === 'end') return;
      }
    })();
    for (let round = 0; round < 20_000; round++) {
      const key = `k/${random(200)}`;
      if (random(4) === 0) await store.delete(key);
      else await store.put(key, round);
      if (random(60) === 0) await new Promise(setImmediate);
    }
    await store.put('end', 0);
    // A gap may have taken the end with it.
    await Promise.race([follow, (async () => {
      while (watch.revision < store.info().revision) await sleep(2);
      stop.abort();
    })()]);
    await follow.catch(() => {});
    assert.deepEqual([...copy].sort(), store.range().map(({ key, value }) => [key, value]).sort());
    console.log(`${gaps} gaps`);
  });
});

describe('waiting', () => {
  test('for a key that is not there, that changes, and that is deleted', async () => {
    const store = openStore();
    const wait = store.wait('k');
    await sleep(5);
    await store.put('k', 1);
    assert.equal(await wait, 1n);
    assert.equal(await store.wait('k'), 1n);
    assert.equal(await store.wait('k', 7), 1n);
    const change = store.wait('k', 1n);
    await store.put('other', 1);
    await store.delete('k');
    assert.equal(await change, 0n);
  });

  test('for a revision', async () => {
    const store = openStore();
    await store.put('a', 1);
    assert.equal(await store.wait(null, 0n), 1n);
    const wait = store.wait(null, 1n);
    await store.put('b', 1);
    assert.equal(await wait, 2n);
  });

  test('ends by time and by a signal', async () => {
    const store = openStore();
    await assert.rejects(store.wait('k', { timeout: 5 }), { code: 'ERR_SYNCMGR_TIMEOUT' });
    const controller = new AbortController();
    const wait = store.wait('k', 0n, { signal: controller.signal });
    controller.abort();
    await assert.rejects(wait, { name: 'AbortError' });
    await assert.rejects(store.wait('k', -1), RangeError);
    await assert.rejects(store.wait(5), TypeError);
  });

  test('a store without a file is always synchronous', async () => {
    const store = openStore();
    await store.put('k', 1, { queued: true });
    await store.sync();
    await store.sync(1n, { timeout: 5 });
    assert.equal(store.info().durable, store.info().revision);
  });
});
