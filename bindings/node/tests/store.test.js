'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, syncmgr } = require('./helpers/setup.js');

const CHANGED = { name: 'ChangedError', code: 'ERR_SYNCMGR_CHANGED' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };
const INVALID = { code: 'ERR_SYNCMGR_INVALID' };

const openStore = (options) => openSpace().workstream('writer').store(options);

describe('entries', () => {
  test('have values of every type, and say who wrote them and when', async () => {
    const store = openStore();
    assert.ok(store instanceof syncmgr.Store);
    const values = [
      ['bytes', Buffer.from([1, 2, 3]), Buffer.from([1, 2, 3])],
      ['bytes', Uint16Array.of(0x0201).buffer, Buffer.from([1, 2])],
      ['bytes', Buffer.alloc(0), Buffer.alloc(0)],
      ['bytes', Buffer.alloc(100_000, 7), Buffer.alloc(100_000, 7)],
      ['text', 'grün', 'grün'], ['text', '', ''], ['text', 'x'.repeat(5000), 'x'.repeat(5000)],
      ['int64', -5n, -5n], ['float64', 2.5, 2.5], ['json', { a: [1, null] }, { a: [1, null] }],
      ['json', true, true], ['json', null, null],
    ];
    for (const [index, [type, value, read]] of values.entries()) {
      const before = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n;
      const version = await store.put('a/key', value);
      const entry = store.get('a/key');
      assert.deepEqual(entry.value, read);
      assert.equal(entry.type, type);
      assert.equal(version, BigInt(index + 1));
      const { key, writer, writerId, revision, wallNs } = entry;
      assert.deepEqual([key, entry.version, revision, writer, writerId],
        ['a/key', version, version, 'writer', store.workstream.id]);
      assert.ok(wallNs > before && wallNs < before + 60_000_000_000n);
    }
    await store.put('a/key', 7, { type: 'int64' });
    assert.equal(store.get('a/key').value, 7n);
    assert.equal(store.get('no/key'), null);
  });

  test('are put only over the version that is expected', async () => {
    const store = openStore();
    assert.equal(await store.put('k', 1, { expected: 0 }), 1n);
    await assert.rejects(store.put('k', 2, { expected: 0 }), { ...CHANGED, version: 1n, key: 'k' });
    await assert.rejects(store.put('k', 2, { expected: 7n }), { ...CHANGED, version: 1n });
    assert.equal(await store.put('k', 2, { expected: 1n }), 2n);
    assert.equal(await store.putIfAbsent('k', 3), null);
    assert.equal(await store.putIfAbsent('other', 3, { type: 'int64' }), 1n);
    assert.equal(store.get('other').value, 3n);
    assert.equal(store.get('k').value, 2);
  });

  test('are deleted, and no version comes twice', async () => {
    const store = openStore();
    assert.equal(await store.delete('k'), false);
    const version = await store.put('k', 'x');
    await assert.rejects(store.delete('k', { expected: 9 }), CHANGED);
    assert.equal(await store.delete('k', { expected: version }), true);
    assert.equal(store.get('k'), null);
    assert.equal(await store.delete('k'), false);
    assert.ok(await store.put('k', 'y') > version + 1n);
    assert.equal(await store.delete('k'), true);
    await assert.rejects(store.delete('k', { expected: 1 }), CHANGED);
    assert.equal(await store.delete('k', { expected: 0 }), false);
  });

  test('are updated, again when somebody was faster', async () => {
    const store = openStore();
    assert.equal(await store.update('n', (value) => (value ?? 0) + 1), 1);
    const add = async (value) => {
      await new Promise(setImmediate);
      return value + 1;
    };
    await Promise.all(Array.from({ length: 10 }, () => store.update('n', add)));
    assert.equal(store.get('n').value, 11);
    assert.equal(await store.update('n', () => undefined), 11);
    assert.equal(store.get('n').version, 11n);
    await assert.rejects(store.update('n', () => { throw new RangeError('no'); }), RangeError);
    await assert.rejects(store.update('n', 5), TypeError);
  });

  test('are seen by all handles of a space, and are one store', async () => {
    const space = openSpace();
    const [a, b] = [space.store(), space.workstream('b').store()];
    await a.put('k', 'x');
    assert.equal(b.get('k').value, 'x');
    assert.throws(() => space.workstream('c').store({ capacity: 77, logSize: 70_000 }),
      { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.equal(space.snapshot().objects.filter(({ type }) => type === 'store').length, 1);
  });

  test('of several keys are of one moment', async () => {
    const store = openStore();
    await store.commit([{ key: 'a', value: 1 }, { key: 'b', value: 'x'.repeat(9000) }]);
    const entries = store.snapshot(['a', 'b', 'none']);
    assert.deepEqual([...entries.keys()], ['a', 'b']);
    assert.equal(entries.get('a').revision, entries.get('b').revision);
    assert.equal(entries.get('b').value.length, 9000);
    assert.equal(store.snapshot([]).size, 0);
  });

  test('keys and arguments that are none are refused', async () => {
    const store = openStore();
    for (const key of ['', 'x'.repeat(256), '\u0001hidden']) {
      await assert.rejects(store.put(key, 1), INVALID, key);
      assert.throws(() => store.get(key), INVALID);
    }
    await assert.rejects(store.put('a\0b', 1), { code: 'ERR_SYNCMGR_NAME' });
    await assert.rejects(store.put(5, 1), TypeError);
    await assert.rejects(store.put('k'), TypeError);
    await assert.rejects(store.put('k', 1, { expect: 1 }), TypeError);
    await assert.rejects(store.put('k', 1, { expected: -1 }), RangeError);
    await assert.rejects(store.put('k', 1, { queued: 1 }), TypeError);
    await assert.rejects(store.put('k', 1, { signal: AbortSignal.abort() }),
      { name: 'AbortError' });
    await assert.rejects(store.put('k', 'x', { type: 'number' }), RangeError);
    assert.throws(() => store.range({ like: 'x' }), TypeError);
    assert.throws(() => store.range({ limit: 0 }), RangeError);
    assert.equal(store.info().revision, 0n);
  });

  test('a store that is closed says so', async () => {
    const space = openSpace();
    const store = space.store();
    const wait = store.wait('k');
    store.close();
    await assert.rejects(wait, CLOSED);
    assert.throws(() => store.get('k'), CLOSED);
    await assert.rejects(store.put('k', 1), CLOSED);
    assert.equal(store.closed, true);
    store.close();
    using(space.workstream('w').store(), (other) => assert.equal(other.name, 'store'));
    space.check();
  });
});

/** What `using` does. */
function using(object, task) {
  task(object);
  object[Symbol.dispose]();
  assert.equal(object.closed, true);
}

describe('commits', () => {
  test('make all changes or none', async () => {
    const store = openStore();
    const first = await store.commit([{ key: 'a', value: 1 }, { key: 'b', value: { x: 1 } }]);
    assert.equal(first.revision, 1n);
    assert.deepEqual([...first.versions], [['a', 1n], ['b', 1n]]);
    await assert.rejects(store.commit([{ key: 'a', value: 2 }, { key: 'b', check: 7 }]),
      { ...CHANGED, key: 'b', version: 1n });
    const late = [{ key: 'a', value: 2 }, { key: 'c', value: 1, expected: 3 }];
    await assert.rejects(store.commit(late), { ...CHANGED, key: 'c', version: 0n });
    assert.equal(store.get('a').value, 1);
    const second = await store.commit([
      { key: 'a', check: 1n }, { key: 'b', delete: true, expected: 1 },
      { key: 'c', value: 3, type: 'int64', expected: 0 },
    ]);
    assert.deepEqual([...second.versions], [['a', 1n], ['b', 0n], ['c', 1n]]);
    assert.equal(store.get('b'), null);
    assert.equal(store.get('c').revision, second.revision);
  });

  test('of many changes, and of large ones', async () => {
    const store = openStore();
    const changes = Array.from({ length: 2000 }, (_, index) => (
      { key: `many/${index}`, value: `value ${index}` }));
    await store.commit([...changes, { key: 'large', value: Buffer.alloc(1_000_000, 3) }]);
    assert.equal(store.info().entries, 2001);
    assert.equal(store.get('many/1999').value, 'value 1999');
    assert.deepEqual(store.get('large').value, Buffer.alloc(1_000_000, 3));
  });

  test('that are none are refused', async () => {
    const store = openStore();
    await assert.rejects(store.commit([]), INVALID);
    await assert.rejects(store.commit('changes'), TypeError);
    await assert.rejects(store.commit([{ key: 'a' }]), TypeError);
    await assert.rejects(store.commit([{ key: 'a', delete: 1 }]), TypeError);
    await assert.rejects(store.commit([{ key: 'a', val: 1 }]), TypeError);
    await assert.rejects(store.commit([{ key: 'a', value: 1 }, { key: 'a', value: 2 }]), INVALID);
    assert.equal(store.info().revision, 0n);
  });
});

describe('ranges', () => {
  test('have the entries in order, by prefix, glob and from a key on', async () => {
    const store = openStore();
    for (const key of ['b/2', 'b/1', 'a', 'b/1/x', 'c', 'b/ä']) await store.put(key, key);
    assert.deepEqual([...store.keys()], ['a', 'b/1', 'b/1/x', 'b/2', 'b/ä', 'c']);
    assert.deepEqual([...store.keys({ prefix: 'b/' })], ['b/1', 'b/1/x', 'b/2', 'b/ä']);
    assert.deepEqual([...store.keys({ glob: 'b/?' })], ['b/1', 'b/2', 'b/ä']);
    assert.deepEqual([...store.keys({ glob: '**x' })], ['b/1/x']);
    assert.deepEqual([...store.keys({ prefix: 'b/', after: 'b/1/x', limit: 1 })], ['b/2']);
    const range = store.range({ prefix: 'b/', limit: 3 });
    assert.deepEqual(range.map(({ value }) => value), ['b/1', 'b/1/x', 'b/2']);
    assert.deepEqual([range.revision, range.more], [6n, true]);
    assert.equal(store.range({ prefix: 'b/', limit: 4 }).more, false);
    assert.deepEqual([...store.range({ prefix: 'none' })], []);
  });

  test('are as long as they are', async () => {
    const store = openStore();
    const value = 'x'.repeat(300);
    const changes = Array.from({ length: 3000 }, (_, index) => ({ key: `k/${index}`, value }));
    await store.commit([...changes, { key: 'l', value: 'y'.repeat(200_000) }]);
    const range = store.range();
    assert.equal(range.length, 3001);
    assert.equal(range.more, false);
    assert.equal(range.at(-1).value.length, 200_000);
    assert.ok(range.slice(0, -1).every((entry) => entry.value === value));
    assert.ok(range.every(({ writer }) => writer === 'writer'));
    assert.equal(new Set(store.keys()).size, 3001);
  });
});

describe('validators', () => {
  test('are asked before every change of the keys that are like their pattern', async () => {
    const store = openStore();
    const asked = [];
    const validator = store.validator('n/*', ({ key, value }) => {
      asked.push([key, value]);
      return typeof value === 'number' || value === undefined;
    });
    await store.put('n/a', 1);
    await store.put('other', 'x');
    await assert.rejects(store.put('n/a', 'x'), { ...INVALID, message: /"n\/\*".*"n\/a"/ });
    await assert.rejects(store.commit([{ key: 'b', value: 1 }, { key: 'n/b', value: 'x' }]),
      INVALID);
    assert.equal(store.get('b'), null);
    assert.deepEqual(asked, [['n/a', 1], ['n/a', 'x'], ['n/b', 'x']]);
    await store.commit([{ key: 'n/a', delete: true }, { key: 'b', check: 0 }]);
    assert.deepEqual(asked.at(-1), ['n/a', undefined]);
    validator.close();
    await store.put('n/a', 'x');
    assert.equal(asked.length, 4);
  });

  test('may take their time, and say why', async () => {
    const store = openStore();
    store.validator('**', async ({ value }) => {
      await new Promise(setImmediate);
      if (value === 'throw') throw new RangeError('thrown');
      return value === 'bad' ? 'it is bad' : undefined;
    });
    await assert.rejects(store.put('k', 'bad'), { ...INVALID, message: /it is bad/ });
    await assert.rejects(store.put('k', 'throw'), RangeError);
    await assert.rejects(store.update('k', () => 'bad'), INVALID);
    assert.equal(await store.put('k', 'good'), 1n);
    assert.throws(() => store.validator('**', 5), TypeError);
    assert.throws(() => store.validator(5, () => {}), TypeError);
  });
});
