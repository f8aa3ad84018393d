'use strict';
// Stores that are kept in a file. They need the system's SQLite (Debian: libsqlite3-0).

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, sleep } = require('./helpers/setup.js');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'syncmgr-node-store-'));
after(() => fs.rmSync(directory, { recursive: true }));

const fileUrl = (name) => `${newUrl()}?store=${directory}/${name}.db`;
const hasSQLite = (() => {
  const space = openSpace(fileUrl('probe'));
  try {
    space.store();
    return true;
  } catch (error) {
    if (error.code !== 'ERR_SYNCMGR_UNAVAILABLE') throw error;
    return false;
  }
})();
const skip = hasSQLite ? false : 'there is no libsqlite3';

describe('a store in a file', { skip }, () => {
  test('has what was acknowledged when all processes were gone', async () => {
    const url = fileUrl('kept');
    const space = openSpace(url);
    const store = space.workstream('writer').store();
    assert.equal(store.info().file, true);
    const version = await store.put('k', { a: 1 });
    assert.equal(store.info().durable, store.info().revision);
    const { revision } = await store.commit([{ key: 'large', value: Buffer.alloc(100_000, 7) },
      { key: 'n', value: 5n }]);
    await store.transact((transaction) => transaction.put('t', 'x'));
    space.close();
    const again = openSpace(url).store();
    const entry = again.get('k');
    assert.deepEqual([entry.value, entry.version, entry.writer], [{ a: 1 }, version, 'writer']);
    assert.equal(again.get('large').revision, revision);
    assert.deepEqual([again.get('n').value, again.get('t').value], [5n, 'x']);
    assert.deepEqual(again.transactions().map(({ status }) => status), ['committed']);
  });

  test('writes without waiting when it is told to, and everything by sync()', async () => {
    const store = openSpace(fileUrl('queued')).store();
    for (let round = 0; round < 50; round++) await store.put(`k/${round}`, round, { queued: true });
    await store.sync();
    const { durable, revision } = store.info();
    assert.deepEqual([durable, revision], [50n, 50n]);
    await store.sync(7n, { timeout: 1000 });
    await store.commit([{ key: 'k', value: 1 }], { timeout: 10_000 });
    await assert.rejects(store.put('k', 1, { signal: AbortSignal.abort() }),
      { name: 'AbortError' });
  });

  test('keeps nobody from work while it waits for the disk', async () => {
    const store = openSpace(fileUrl('busy')).store();
    let turns = 0;
    const timer = setInterval(() => { turns += 1; }, 1);
    await Promise.all(Array.from({ length: 200 }, (_, index) => store.put(`k/${index}`, index)));
    await sleep(5);
    clearInterval(timer);
    assert.ok(turns > 0);
    assert.equal(store.info().durable, 200n);
  });

  test('loses nothing that a killed process was told is safe', async () => {
    const url = fileUrl('killed');
    for (let round = 0; round < 3; round++) {
      const victim = run('store-safe', url);
      let last = 0;
      const end = Date.now() + 300;
      do last = Number(await victim.line()); while (Date.now() < end);
      victim.killNow();
      const space = openSpace(url);
      const store = space.store();
      assert.ok(store.get('n').value >= last, `${store.get('n').value} ${last}`);
      assert.equal(store.get('a').value, store.get('b').value);
      space.check();
      space.close();
    }
    const checked = spawnSync('python3', ['-c', `
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])`,
    path.join(directory, 'killed.db')], { encoding: 'utf8' });
    if (checked.status === 0) assert.equal(checked.stdout.trim(), 'ok');
  });

  test('has constraints and what was begun after all processes are gone', async () => {
    const url = fileUrl('rules');
    const first = openSpace(url);
    await first.store().constraint('n/*', { type: 'number' });
    first.close();
    const victim = run('transact', url);
    assert.equal(await victim.line(), 'executed');
    victim.killNow();
    const space = openSpace(url);
    const store = space.store();
    await assert.rejects(store.put('n/a', 'text'), { code: 'ERR_SYNCMGR_INVALID' });
    const undone = [];
    for (const name of ['first', 'second']) {
      store.handler(name, { undo: ({ result }) => { undone.push(result.did); } });
    }
    assert.deepEqual((await store.recover()).left, []);
    assert.deepEqual(undone, [2, 1]);
    assert.equal(store.get('theirs'), null);
  });
});
