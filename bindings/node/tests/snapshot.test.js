'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, until } = require('./helpers/setup.js');

describe('snapshot', () => {
  test('shows who holds what and who waits for it, and since when', async () => {
    const space = openSpace();
    const owner = space.workstream('owner "é"');
    const mutex = owner.mutex('db');
    const hold = await mutex.acquire();
    const waiting = space.workstream('waiter').mutex('db').acquire();
    await until(() => space.snapshot().objects[0].waiters.length === 1);
    const { space: about, objects, processes, workstreams, graph } = space.snapshot();
    assert.equal(about.url, space.url);
    assert.equal(about.used.waits, 1);
    assert.deepEqual(processes.map(({ pid, alive, self }) => [pid, alive, self]),
      [[process.pid, true, true]]);
    const [db] = objects;
    assert.equal(db.type, 'mutex');
    assert.equal(db.holders[0].name, 'owner "é"');
    assert.equal(db.holders[0].workstream, Number(owner.id));
    assert.equal(db.waiters[0].name, 'waiter');
    assert.equal(db.waiters[0].place, 0);
    assert.ok(db.waiters[0].age_ms >= 0);
    assert.equal(db.counters.contended, 1);
    assert.equal(db.counters.wait_histogram.length, 16);
    assert.deepEqual(workstreams.find(({ name }) => name === 'waiter').waits, ['db']);
    assert.deepEqual(graph.edges.map(({ kind, object }) => [kind, object]),
      [['waits', 'db'], ['held', 'db']]);
    hold.release();
    await waiting;
    assert.equal(space.snapshot().objects[0].holders[0].name, 'waiter');
  });

  test('has room for any number of objects', () => {
    const space = openSpace();
    for (let i = 0; i < 300; i += 1) space.mutex(`${'long'.repeat(50)}-${i}`);
    assert.equal(space.snapshot().objects.length, 300);
  });

  test('has no counters where the space was made without', () => {
    const space = openSpace(undefined, { counters: false });
    space.mutex('m');
    assert.equal(space.snapshot().objects[0].counters, null);
    assert.throws(() => openSpace(undefined, { counters: 1 }), TypeError);
  });

  test('of a closed manager is refused', () => {
    const space = openSpace();
    space.close();
    assert.throws(() => space.snapshot(), { code: 'ERR_SYNCMGR_CLOSED' });
  });
});
