'use strict';
const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { newUrl, openSpace, sleep, syncmgr } = require('./helpers/setup.js');

const code = (name) => ({ code: `ERR_SYNCMGR_${name}` });
const openStore = (name = 'me', space = openSpace()) => space.workstream(name).store();

describe('transactions', () => {
  test('are seen when they are committed, as a whole', async () => {
    const store = openStore();
    await store.put('a', 1);
    const transaction = store.transaction({ metadata: { for: 'test' } });
    assert.ok(transaction instanceof syncmgr.Transaction);
    assert.equal(transaction.status, 'pending');
    assert.equal((await transaction.get('a')).value, 1);
    await transaction.put('a', 2);
    await transaction.put('b', 'x');
    await transaction.delete('none');
    assert.deepEqual((await transaction.range()).map(({ key, value }) => [key, value]),
      [['a', 2], ['b', 'x']]);
    assert.deepEqual([...(await transaction.snapshot(['a', 'b', 'c'])).keys()], ['a', 'b']);
    assert.equal((await transaction.get('a')).version, 0n);
    assert.equal(store.get('a').value, 1);
    assert.equal(store.get('b'), null);
    const { status, writes, operations, isPart } = transaction.info();
    assert.deepEqual([status, writes, operations, isPart], ['active', 3, 0, false]);
    const revision = await transaction.commit();
    assert.equal(transaction.status, 'committed');
    assert.deepEqual(['a', 'b'].map((key) => store.get(key).revision), [revision, revision]);
    await assert.rejects(transaction.commit(), code('ALREADY'));
    await assert.rejects(transaction.put('a', 3), code('ALREADY'));
    await transaction.close();
    await transaction.close();
    assert.equal(transaction.closed, true);
    await assert.rejects(transaction.get('a'), code('CLOSED'));
    await assert.rejects(transaction.get('a', { wait: 5 }), TypeError);
    const record = store.transactionRecord(transaction.id);
    assert.deepEqual([record.id, record.status, record.metadata], [transaction.id, 'committed',
      { for: 'test' }]);
  });

  test('that are rolled back, closed or not finished were seen by nobody', async () => {
    const space = openSpace();
    const [store, other] = [openStore('a', space), openStore('b', space)];
    const watch = other.watch();
    for (const end of ['rollback', 'close', Symbol.asyncDispose]) {
      const transaction = store.transaction();
      for (const key of ['x', 'y', 'z']) await transaction.put(key, 1);
      await transaction[end]();
      await transaction.close();
    }
    const last = store.transaction();
    await last.put('x', 1);
    store.close();
    assert.equal(last.closed, true);
    await assert.rejects(last.put('y', 1), code('CLOSED'));
    await other.put('end', 1);
    assert.equal((await watch.next()).value.key, 'end');
    assert.equal(other.transactions({ status: 'rolled_back' }).length >= 3, true);
    space.check();
  });

  test('of a manager are owners of their own', async () => {
    const store = openSpace().store();
    await store.put('k', 0);
    const [one, two] = [store.transaction(), store.transaction()];
    await one.put('k', 1);
    const read = two.get('k');
    const first = await Promise.race([read, sleep(20)]);
    assert.equal(first, undefined);
    await one.commit();
    assert.equal((await read).value, 1);
    await two.commit();
    await Promise.all([one.close(), two.close()]);
    const own = openStore();
    const mine = own.transaction();
    assert.throws(() => own.transaction(), code('BUSY'));
    const more = own.transaction({ optimistic: true });
    await Promise.all([mine.close(), more.close()]);
    await own.transaction().close();
  });

  test('begin anew when somebody was faster, and lose no update', async () => {
    const store = openSpace().store();
    await store.put('n', 0);
    for (const optimistic of [false, true]) {
      await store.put('n', 0);
      const add = () => store.transact(async (transaction) => {
        const { value } = await transaction.get('n');
        await new Promise(setImmediate);
        await transaction.put('n', value + 1);
        return value;
      }, { optimistic, retries: 200 });
      const values = await Promise.all(Array.from({ length: 20 }, add));
      assert.equal(store.get('n').value, 20);
      assert.deepEqual(values.sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n));
    }
  });

  test('begin anew as often as they may, and not after other errors', async () => {
    const store = openSpace().store();
    await store.put('k', 1);
    let attempts = 0;
    const lose = store.transact(async (transaction) => {
      attempts += 1;
      await transaction.get('k');
      await store.put('k', attempts);
      await transaction.put('other', 1);
    }, { optimistic: true, retries: 3, retryDelay: 0 });
    await assert.rejects(lose, code('CHANGED'));
    assert.equal(attempts, 4);
    assert.equal(store.get('other'), null);
    await assert.rejects(store.transact(() => { throw new RangeError('mine'); }), RangeError);
    await assert.rejects(store.transact(5), TypeError);
    await assert.rejects(store.transact(() => {}, { signal: AbortSignal.abort() }),
      { name: 'AbortError' });
    assert.ok(store.transactions({ status: ['pending', 'active'] }).length === 0);
  });

  test('in a deadlock end for one, and transact() begins it anew', async () => {
    const store = openSpace().store();
    await store.commit([{ key: 'a', value: 0 }, { key: 'b', value: 0 }]);
    const both = (first, second) => store.transact(async (transaction) => {
      await transaction.update(first, (value) => value + 1);
      await sleep(30);
      await transaction.update(second, (value) => value + 1);
    }, { retries: 50 });
    await Promise.all([both('a', 'b'), both('b', 'a')]);
    assert.deepEqual([store.get('a').value, store.get('b').value], [2, 2]);
  });

  test('say that their time has passed, whatever is called first after it', async () => {
    const store = openSpace().store();
    const calls = [(each) => each.put('q', 1), (each) => each.get('q'),
      (each) => each.range({ prefix: 'q' }), (each) => each.lock('q')];
    for (const call of calls) {
      const late = store.transact(async (each) => {
        await sleep(30);
        await call(each);
      }, { timeout: 10 });
      await assert.rejects(late, code('TIMEOUT'));
    }
    await assert.rejects(store.transact(() => {}, { timeout: -1 }), RangeError);
  });

  test('wait for locks without keeping anybody from work, and end when their time passes',
    async () => {
      const store = openSpace().store();
      const holder = store.transaction();
      await holder.put('k', 1);
      const impatient = store.transaction({ operationTimeout: 20 });
      await assert.rejects(impatient.put('k', 2), code('TIMEOUT'));
      assert.equal(impatient.status, 'rolled_back');
      const late = store.transaction({ timeout: 30 });
      await late.put('other', 1);
      await assert.rejects(late.get('k'), code('TIMEOUT'));
      assert.equal(late.status, 'timed_out');
      const waiting = store.transaction();
      const controller = new AbortController();
      const aborted = waiting.get('k', { signal: controller.signal });
      await sleep(5);
      controller.abort();
      await assert.rejects(aborted, { name: 'AbortError' });
      assert.equal((await waiting.get('free')), null);
      await assert.rejects(waiting.lock('k', { timeout: 0 }), code('TIMEOUT'));
      await waiting.put('free', 1);
      await waiting.commit();
      await holder.commit();
      for (const each of [holder, impatient, late, waiting]) await each.close();
      assert.equal(store.get('other'), null);
      assert.equal(store.get('free').value, 1);
    });

  test('lock targets, give them up, and read only when they say so', async () => {
    const store = openSpace().store();
    const one = store.transaction();
    await one.lock('machine');
    await one.lock('shared', { mode: 'shared' });
    const two = store.transaction();
    await two.lock('shared', { mode: 'shared' });
    await assert.rejects(two.lock('machine', { timeout: 0 }), code('TIMEOUT'));
    one.unlock('machine');
    assert.throws(() => one.unlock('machine'), code('NOT_OWNER'));
    await two.lock('machine', { timeout: 1000 });
    await assert.rejects(two.lock('machine', { mode: 'both' }), RangeError);
    await one.close();
    await two.close();
    const reader = store.transaction({ readOnly: true });
    assert.equal(await reader.get('k'), null);
    await assert.rejects(reader.put('k', 1), code('PERMISSION'));
    await reader.commit();
    await reader.close();
  });

  test('of a Worker that is terminated are rolled back, and their locks free', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    const worker = new Worker(`
      const { open } = require(${JSON.stringify(path.join(__dirname, '..', 'lib'))});
      (async () => {
        const transaction = open(${JSON.stringify(url)}).store().transaction();
        await transaction.put('k', 'theirs');
        require('node:worker_threads').parentPort.postMessage('wrote');
        setInterval(() => {}, 1000);
      })();
    `, { eval: true });
    await new Promise((resolve) => { worker.once('message', resolve); });
    const wait = store.transact((transaction) => transaction.put('k', 'mine'));
    await worker.terminate();
    await wait;
    assert.equal(store.get('k').value, 'mine');
    space.check();
  });

  test('have savepoints', async () => {
    const store = openStore();
    const transaction = store.transaction();
    const done = [];
    const operation = (name) => ({ execute: () => { done.push(name); }, undo: () => {
      done.push(`not ${name}`);
    } });
    await transaction.put('a', 1);
    transaction.add(operation('one'));
    await transaction.execute();
    transaction.savepoint('here');
    await transaction.put('a', 2);
    await transaction.put('b', 2);
    transaction.add(operation('two'));
    transaction.add(operation('three'));
    await transaction.execute();
    transaction.add(operation('four'));
    await transaction.rollbackTo('here');
    assert.deepEqual(done, ['one', 'two', 'three', 'not three', 'not two']);
    assert.equal((await transaction.get('a')).value, 1);
    assert.equal(await transaction.get('b'), null);
    await assert.rejects(transaction.rollbackTo('nowhere'), code('NOT_FOUND'));
    await transaction.commit();
    assert.equal(store.get('a').value, 1);
    assert.deepEqual(done.slice(5), []);
    await transaction.close();
  });

  test('see what their isolation says', async () => {
    const store = openSpace().store();
    const levels = ['serializable', 'repeatable_read', 'read_committed'];
    for (const optimistic of [false, true]) {
      const seen = {};
      for (const isolation of levels) {
        await store.commit([{ key: 'k', value: 1 }, { key: 'r/1', value: 1 }]);
        await store.delete('r/2');
        const outcome = async (change) => {
          const transaction = store.transaction({ isolation, optimistic });
          await transaction.get('k');
          await transaction.range({ prefix: 'r/' });
          await change();
          await transaction.put('out', 1);
          const result = await transaction.commit().then(() => 'ok', (error) => error.code);
          await transaction.close();
          return result;
        };
        seen[isolation] = [await outcome(() => store.put('k', 2)),
          await outcome(() => store.put('r/2', 2))];
      }
      const changed = 'ERR_SYNCMGR_CHANGED';
      assert.deepEqual(seen, {
        serializable: [changed, changed], repeatable_read: [changed, 'ok'],
        read_committed: ['ok', 'ok'],
      });
    }
    assert.throws(() => store.transaction({ isolation: 'none' }), RangeError);
    assert.throws(() => store.transaction({ level: 'none' }), TypeError);
    assert.throws(() => store.transaction({ priority: 1.5 }), RangeError);
    assert.throws(() => store.transaction({ timeout: -1 }), RangeError);
  });

  test('are refused by constraints and validators, and nothing of them is seen', async () => {
    const store = openSpace().store();
    await store.constraint('n/*', { type: 'number', minimum: 0 });
    store.validator('v', ({ value }) => value !== 'bad');
    const attempt = async (key, value) => {
      const transaction = store.transaction();
      await transaction.put('with', 1);
      await transaction.put(key, value);
      const result = await transaction.commit().then(() => 'ok', (error) => error.code);
      assert.equal(transaction.status, result === 'ok' ? 'committed' : 'rolled_back');
      await transaction.close();
      return result;
    };
    assert.equal(await attempt('n/a', { not: 'a number' }), 'ERR_SYNCMGR_INVALID');
    assert.equal(await attempt('v', 'bad'), 'ERR_SYNCMGR_INVALID');
    assert.equal(store.get('with'), null);
    assert.equal(await attempt('v', 'good'), 'ok');
    await assert.rejects(store.put('n/a', 'x'), code('INVALID'));
    await store.constraint('n/*', null);
    assert.equal(await attempt('n/a', 'x'), 'ok');
    await assert.rejects(store.constraint('n/*', null), code('NOT_FOUND'));
    await assert.rejects(store.constraint('n/*', { most: 1 }), TypeError);
  });

  test('have records, by status and workstream, until they are forgotten', async () => {
    const space = openSpace();
    const [a, b] = [openStore('a', space), openStore('b', space)];
    for (const store of [a, b]) {
      const transaction = store.transaction();
      await transaction.put(store.workstream.name, 1);
      await transaction.commit();
      await transaction.close();
    }
    const open = a.transaction();
    assert.deepEqual(a.transactions({ workstream: 'b' }).map(({ status }) => status),
      ['committed']);
    assert.deepEqual(b.transactions({ status: 'pending' }).map(({ id }) => id), [open.id]);
    assert.equal(a.transactions().length, 3);
    assert.throws(() => a.transactions({ status: 'done' }), RangeError);
    assert.throws(() => a.transactionRecord(12345), code('NOT_FOUND'));
    assert.equal(a.clearTransactions(1_000_000), 0);
    assert.equal(a.clearTransactions(), 2);
    assert.equal(a.transactions().length, 1);
    await open.close();
  });
});
