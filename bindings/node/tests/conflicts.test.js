'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, randomNumbers, sleep, syncmgr, until } = require('./helpers/setup.js');

const { compareClocks, mergeClocks, resolve } = syncmgr;
const code = (name) => ({ code: `ERR_SYNCMGR_${name}` });
const openConflicts = (space = openSpace()) => space.workstream('me').store().conflicts;

describe('resolving', () => {
  test('chooses between candidates, and names what was discarded', () => {
    const candidates = [
      { value: 'a', time: 1, version: 9, workstream: 'x' },
      { value: 'b', time: 3, version: 2, workstream: 'y', priority: 5 },
      { value: 'c', time: 2, version: 3, workstream: 'z' },
    ];
    const value = (strategy) => resolve(strategy, candidates).value;
    assert.deepEqual(['first_wins', 'last_wins', 'version_wins', 'priority_based', 'max', 'min']
      .map(value), ['a', 'b', 'a', 'b', 'c', 'a']);
    const result = resolve('last_wins', candidates);
    assert.equal(result.winner.workstream, 'y');
    assert.deepEqual(result.discarded.map((part) => [part.value, part.workstream, part.why]).sort(),
      [['a', 'x', 'lost'], ['c', 'z', 'lost']]);
    assert.deepEqual(resolve('union', [{ value: [1, 2] }, { value: [2, 3] }]).value, [1, 2, 3]);
    assert.deepEqual(resolve('merge', {
      base: { a: 1, b: 1, c: 1 },
      candidates: [{ value: { a: 2, b: 1, c: 1 }, time: 1 }, { value: { a: 1, b: 1 }, time: 2 }],
    }).value, { a: 2, b: 1 });
  });

  test('has all 64 bits of a number', () => {
    const time = 1_795_291_745_263_855_067n;
    const result = resolve('last_wins',
      [{ value: 2n ** 63n, time }, { value: 'x', time: time - 1n }]);
    assert.equal(result.winner.time, time);
    assert.equal(result.value, 2n ** 63n);
    assert.deepEqual(result.discarded.map((part) => part.time), [time - 1n]);
    const text = `"12345678901234567890" and 0.12345678901234567890`;
    assert.equal(resolve('max', [{ value: text }]).value, text);
    assert.equal(resolve('max', [{ value: 0.1 + 0.2 }]).value, 0.1 + 0.2);
    assert.equal(resolve('max', [{ value: 1e300 }]).value, 1e300);
  });

  test('gives the same whatever the order of the candidates', () => {
    const random = randomNumbers();
    const strategies = ['first_wins', 'last_wins', 'version_wins', 'priority_based', 'merge',
      'union', 'max', 'min'];
    for (let round = 0; round < 100; round++) {
      const candidates = Array.from({ length: 1 + random(5) }, () => ({
        value: [random(3), [random(3), 'x'], { a: random(3), b: { c: random(2) } }][random(3)],
        time: random(3), version: random(3), workstream: 'abc'[random(3)], priority: random(3),
      }));
      for (const strategy of strategies) {
        const shuffled = candidates.map((candidate) => [random(1000), candidate])
          .sort(([a], [b]) => a - b).map(([, candidate]) => candidate);
        assert.deepEqual(resolve(strategy, shuffled), resolve(strategy, candidates));
      }
    }
  });

  test('refuses what it cannot decide', () => {
    assert.throws(() => resolve('coin', [{ value: 1 }]), RangeError);
    assert.throws(() => resolve('manual', [{ value: 1 }]), code('INVALID'));
    assert.throws(() => resolve('max', []), code('INVALID'));
    assert.throws(() => resolve('max', undefined), TypeError);
    assert.throws(() => resolve('max', Array(257).fill({ value: 1 })), code('LIMIT'));
  });

  test('compares and merges vector clocks', () => {
    assert.equal(compareClocks({ a: 1 }, { a: 1, b: 0 }), 'equal');
    assert.equal(compareClocks({ a: 1 }, { a: 2 }), 'before');
    assert.equal(compareClocks({ a: 1, b: 1 }, { a: 1 }), 'after');
    assert.equal(compareClocks({ a: 1 }, { b: 1 }), 'concurrent');
    assert.deepEqual(mergeClocks({ a: 1 }, { b: 2 }, 'a'), { a: 2, b: 2 });
    assert.deepEqual(mergeClocks({ a: 1 }), { a: 1 });
    assert.throws(() => compareClocks({ a: -1 }, {}), code('INVALID'));
  });
});

describe('conflicts', () => {
  const candidates = [{ value: 'old', time: 1 }, { value: 'new', time: 2 }];

  test('are resolved at once by their strategy', async () => {
    const conflicts = openConflicts();
    const conflict = await conflicts.detect({
      type: 'state_conflict', severity: 'high', syncPoint: 'here', workstreams: ['me', 'you'],
      reason: 'both', data: { candidates },
    });
    const { type, severity, status, strategy, sync_point: place, workstreams, reason } = conflict;
    assert.deepEqual({ type, severity, status, strategy, place, workstreams, reason }, {
      type: 'state_conflict', severity: 'high', status: 'resolved', strategy: 'last_wins',
      place: 'here', workstreams: ['me', 'you'], reason: 'both',
    });
    assert.equal(conflict.result.value, 'new');
    assert.deepEqual(conflict.result.discarded.map(({ value }) => value), ['old']);
    assert.deepEqual(conflicts.get(conflict.id), conflict);
    assert.equal((await conflicts.wait(conflict.id)).status, 'resolved');
    await assert.rejects(conflicts.resolve(conflict.id, 'first_wins'), code('ALREADY'));
  });

  test('are decided by handlers, in order, until one has an answer', async () => {
    const conflicts = openConflicts();
    const asked = [];
    conflicts.on('data_conflict', async ({ reason }) => {
      asked.push(['null', reason]);
      return null;
    });
    conflicts.on(['data_conflict', 'timing_conflict'], () => {
      asked.push(['throws']);
      throw new Error('no');
    });
    const last = conflicts.on('*', async () => {
      await sleep(5);
      asked.push(['answers']);
      return { decided: true };
    });
    conflicts.on('*', () => { asked.push(['never']); });
    const first = await conflicts.detect({ reason: 'why', data: { candidates } });
    assert.deepEqual(first.result.value, { decided: true });
    assert.deepEqual(asked, [['null', 'why'], ['throws'], ['answers']]);
    last.close();
    const second = await conflicts.detect({ data: { candidates } });
    assert.equal(second.result.value, 'new');
    const third = await conflicts.detect({ type: 'timing_conflict', strategy: 'custom' });
    assert.equal(third.status, 'unresolvable');
    assert.throws(() => conflicts.on('no_conflict', () => {}), RangeError);
    assert.throws(() => conflicts.on('*', 5), TypeError);
  });

  test('of which the strategy is manual stay open until somebody decides', async () => {
    const space = openSpace();
    const conflicts = openConflicts(space);
    const other = space.workstream('other').store().conflicts;
    const { id, status } = await conflicts.detect({ strategy: 'manual', data: { candidates } });
    assert.equal(status, 'analyzing');
    assert.deepEqual(other.list({ status: 'open' }).map((conflict) => conflict.id), [id]);
    const wait = conflicts.wait(id);
    const resolved = await other.resolve(id, 'manual', { value: [1, 2n ** 60n], by: 'somebody' });
    assert.equal(resolved.resolved_by, 'somebody');
    assert.deepEqual((await wait).result.value, [1, 2n ** 60n]);
    const next = await conflicts.detect({ strategy: 'manual', data: { candidates } });
    other.on('*', () => 'by handler');
    assert.equal((await other.resolve(next.id, 'custom')).result.value, 'by handler');
  });

  test('can be declared only, ignored, aborted, waited for and forgotten', async () => {
    const conflicts = openConflicts();
    const declared = await conflicts.detect({ auto: false, data: { candidates } });
    assert.equal(declared.status, 'detected');
    await assert.rejects(conflicts.wait(declared.id, { timeout: 5 }), code('TIMEOUT'));
    const controller = new AbortController();
    const wait = conflicts.wait(declared.id, { signal: controller.signal });
    controller.abort();
    await assert.rejects(wait, { name: 'AbortError' });
    await conflicts.ignore(declared.id, { by: 'me' });
    assert.equal(conflicts.get(declared.id).status, 'ignored');
    const aborted = await conflicts.detect({ strategy: 'abort', data: { candidates } });
    assert.deepEqual([aborted.status, aborted.result.aborted], ['resolved', true]);
    assert.equal(conflicts.clear(), 2);
    assert.deepEqual(conflicts.list(), []);
    assert.throws(() => conflicts.get(declared.id), code('NOT_FOUND'));
    await assert.rejects(conflicts.wait(declared.id), code('NOT_FOUND'));
    const late = await conflicts.detect({ auto: false, timeout: 10 });
    assert.equal((await conflicts.wait(late.id)).status, 'unresolvable');
  });

  test('are listed by type, status, severity, sync point and workstream', async () => {
    const conflicts = openConflicts();
    const detect = async (given) => (await conflicts.detect({ data: { candidates }, ...given })).id;
    const one = await detect({ type: 'data_conflict', severity: 'low', syncPoint: 'p' });
    const two = await detect({ type: 'state_conflict', severity: 'critical',
      workstreams: ['x', 'y'] });
    const three = await detect({ auto: false, syncPoint: 'p' });
    const ids = (given) => conflicts.list(given).map(({ id }) => id);
    assert.deepEqual(ids(), [one, two, three]);
    assert.deepEqual(ids({ type: 'state_conflict' }), [two]);
    assert.deepEqual(ids({ type: ['state_conflict', 'data_conflict'], status: 'resolved' }),
      [one, two]);
    assert.deepEqual(ids({ severity: ['low', 'critical'] }), [one, two]);
    assert.deepEqual(ids({ syncPoint: 'p', status: 'open' }), [three]);
    assert.deepEqual(ids({ workstream: 'y' }), [two]);
    assert.throws(() => conflicts.list({ type: 'x' }), RangeError);
    assert.throws(() => conflicts.list({ what: 'x' }), TypeError);
    await assert.rejects(conflicts.detect({ data: undefined, severity: 'worst' }), RangeError);
    await assert.rejects(conflicts.detect({ data: { candidates: [] } }), code('INVALID'));
  });

  test('are told to everybody', async () => {
    const space = openSpace();
    const events = space.events({ kinds: 'conflict' });
    const conflict = await openConflicts(space).detect({ severity: 'critical',
      data: { candidates } });
    const told = [await events.wait(), await events.wait()];
    assert.deepEqual(told.map(({ detail }) => [detail.conflict, detail.status]),
      [[conflict.id, 'detected'], [conflict.id, 'resolved']]);
    assert.equal(told[0].priority, 'critical');
    events.close();
  });

  test('that a killed process has claimed are decided by the next', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const conflicts = openConflicts(space);
    const victim = run('conflict', url);
    const id = Number(await victim.line());
    assert.equal(conflicts.get(id).status, 'resolving');
    conflicts.on('*', () => 'decided here');
    await assert.rejects(conflicts.resolve(id, 'custom'), code('BUSY'));
    victim.killNow();
    space.cleanup();
    const { status, result } = await conflicts.resolve(id, 'custom');
    assert.deepEqual([status, result.value], ['resolved', 'decided here']);
    space.check();
  });
});

describe('merging', () => {
  test('puts what nobody has changed, and merges what somebody has', async () => {
    const space = openSpace();
    const store = space.workstream('me').store();
    const base = { a: 1, b: { c: 1 } };
    const expected = await store.put('k', base);
    const alone = await store.merge('other', { x: 1 }, { expected: 0 });
    assert.deepEqual(alone, { version: 1n, open: false });
    await space.workstream('you').store().put('k', { a: 2, b: { c: 1 } });
    const merged = await store.merge('k', { a: 1, b: { c: 5 } }, { expected, base });
    assert.deepEqual(merged.value, { a: 2, b: { c: 5 } });
    assert.equal(merged.version, 3n);
    assert.deepEqual(store.get('k').value, { a: 2, b: { c: 5 } });
    assert.equal(store.conflicts.get(merged.conflict).key, 'k');
    const lost = await store.merge('k', 'mine', { expected, strategy: 'version_wins' });
    assert.deepEqual(lost.value, { a: 2, b: { c: 5 } });
    assert.deepEqual(lost.discarded.map(({ value }) => value), ['mine']);
    const open = await store.merge('k', 'mine', { expected, strategy: 'manual' });
    assert.equal(open.open, true);
    await store.conflicts.resolve(open.conflict, 'manual', { value: 'agreed' });
    assert.equal(store.get('k').value, 'agreed');
    await assert.rejects(store.merge('k', 1, { expected, strategy: 'abort' }), code('CHANGED'));
    await assert.rejects(store.merge('k', 1), TypeError);
    await assert.rejects(store.merge('k', 1, { expected: 1, how: 'x' }), TypeError);
  });

  test('a long value, and of many at once nothing is lost', async () => {
    const store = openSpace().workstream('me').store();
    const expected = await store.put('list', [0]);
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      await store.merge('list', [index], { expected, strategy: 'union' });
    }));
    assert.deepEqual(store.get('list').value, Array.from({ length: 20 }, (_, index) => index));
    const long = 'x'.repeat(300_000);
    const version = await store.put('long', { long });
    await store.put('long', { long, more: long });
    const merged = await store.merge('long', { long, other: long }, { expected: version,
      base: { long } });
    assert.deepEqual(Object.keys(merged.value).sort(), ['long', 'more', 'other']);
    await until(() => store.get('long').value.other === long, 'it is there');
  });
});
