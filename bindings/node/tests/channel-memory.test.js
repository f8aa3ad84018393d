'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, syncmgr } = require('./helpers/setup.js');

const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };
const CHANGED = { name: 'ChangedError', code: 'ERR_SYNCMGR_CHANGED' };

function pair(options = {}, space = openSpace()) {
  return ['a', 'b'].map((name) => (
    space.workstream(name).channel('m', { kind: 'memory', ...options })));
}

describe('cells', () => {
  test('have values of every type', () => {
    const [a, b] = pair();
    assert.ok(a instanceof syncmgr.Memory);
    assert.equal(a.kind, 'memory');
    const values = [
      ['bytes', Buffer.from([1, 2, 3]), Buffer.from([1, 2, 3])],
      ['bytes', Uint16Array.of(0x0201).buffer, Buffer.from([1, 2])],
      ['bytes', Buffer.alloc(0), Buffer.alloc(0)],
      ['bytes', Buffer.alloc(100_000, 7), Buffer.alloc(100_000, 7)],
      ['text', 'grün', 'grün'], ['text', '', ''],
      ['int64', -(2n ** 63n), -(2n ** 63n)], ['int64', 2n ** 63n - 1n, 2n ** 63n - 1n],
      ['float64', 0.1, 0.1], ['float64', -0, -0], ['float64', NaN, NaN],
      ['json', { a: [1, null] }, { a: [1, null] }], ['json', null, null], ['json', false, false],
    ];
    for (const [index, [type, value, expected]] of values.entries()) {
      assert.equal(a.set('key', value), BigInt(index + 1));
      assert.deepEqual(b.get('key'), { value: expected, type, version: BigInt(index + 1) });
    }
    a.set('key', 5, { type: 'int64' });
    assert.equal(b.get('key').value, 5n);
    a.set('key', 'text', { type: 'json' });
    assert.deepEqual([b.get('key').value, b.get('key').type], ['text', 'json']);
    a.set('key', 'text', { type: 'bytes' });
    assert.deepEqual(b.get('key').value, Buffer.from('text'));
    for (const [value, type] of [[undefined], [undefined, 'json'], [() => {}], [Symbol('s')],
      ['5', 'int64'], [1.5, 'int64'], [5n, 'float64'], [5, 'text'], [5, 'bytes']]) {
      assert.throws(() => a.set('key', value, { type }), TypeError);
    }
    assert.throws(() => a.set('key', 2n ** 63n), RangeError);
    assert.throws(() => a.set('key', 1, { type: 'int32' }), RangeError);
    assert.throws(() => a.set('key', 1, { version: 1 }), TypeError);
  });

  test('stay as they were read', () => {
    const [a, b] = pair();
    a.set('x', Buffer.from('first'));
    const { value } = b.get('x');
    a.set('x', Buffer.from('second'));
    a.set('y', Buffer.from('other'));
    assert.equal(b.get('x').value.toString() + b.get('y').value, 'secondother');
    assert.equal(value.toString(), 'first');
  });

  test('are set if nobody was faster', () => {
    const [a, b] = pair();
    assert.equal(a.get('key'), null);
    assert.throws(() => a.set('key', 1, { expected: 1 }), CHANGED);
    assert.equal(a.set('key', 1, { expected: 0 }), 1n);
    assert.throws(() => b.set('key', 2, { expected: 0n }), CHANGED);
    assert.equal(b.compareAndSet('key', 0, 2), null);
    assert.equal(b.compareAndSet('key', 1n, 2), 2n);
    assert.equal(a.get('key').value, 2);
    assert.throws(() => a.remove('key', { expected: 1n }), CHANGED);
    a.remove('key', { expected: 2 });
    a.remove('key');
    assert.equal(b.get('key'), null);
    assert.ok(a.set('key', 3) > 2n);
    for (const expected of [-1, 1.5, -1n, 2n ** 64n, '1', null]) {
      assert.throws(() => a.set('key', 1, { expected }), RangeError);
      assert.throws(() => a.compareAndSet('key', expected, 1), RangeError);
    }
    for (const key of ['', 'k'.repeat(256)]) {
      assert.throws(() => a.set(key, 1), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => a.get(5), TypeError);
    assert.throws(() => a.get('a\0b'), { name: 'NameError' });
  });

  test('are read together as they were at one moment', () => {
    const [a, b] = pair();
    const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
    for (const [index, key] of keys.entries()) a.set(key, 'x'.repeat(index * 20));
    const cells = b.snapshot([...keys, 'none', 'key 3']);
    assert.deepEqual([...cells.keys()], keys);
    for (const [index, key] of keys.entries()) {
      assert.equal(cells.get(key).value.length, index * 20);
    }
    assert.equal(b.snapshot(['none', 'nothing']).size, 0);
    assert.equal(b.snapshot([]).size, 0);
    assert.equal(b.snapshot(new Set(['key 1'])).get('key 1').value.length, 20);
    for (const list of ['key 1', 5, [5]]) assert.throws(() => b.snapshot(list), TypeError);
  });

  test('tell when they change', async () => {
    const [a, b] = pair();
    const created = b.changed('key');
    a.set('other', 1);
    a.set('key', 1);
    assert.equal(await created, 1n);
    assert.equal(await b.changed('key'), 1n);
    assert.equal(await b.changed('key', 7), 1n);
    const waits = [b.changed('key', 1n), b.changed('key', 1n), a.changed('key', 1)];
    a.set('key', 2);
    assert.deepEqual(await Promise.all(waits), [2n, 2n, 2n]);
    await assert.rejects(b.changed('key', 2n, { timeout: 5 }), { name: 'TimeoutError' });
    await assert.rejects(b.changed('never', { timeout: 0 }), { name: 'TimeoutError' });
    const controller = new AbortController();
    const aborted = b.changed('key', 2n, { signal: controller.signal });
    controller.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    const closed = b.changed('key', 2n);
    const shut = a.changed('key', 2n);
    b.close();
    await assert.rejects(closed, CLOSED);
    a.shut();
    await assert.rejects(shut, CLOSED);
    assert.throws(() => a.set('key', 3), CLOSED);
    assert.equal(a.get('key').value, 2);
  });

  test('count exactly, in several processes', async () => {
    const url = newUrl();
    const memory = openSpace(url).workstream('me').channel('m', { kind: 'memory' });
    memory.set('count', 0n);
    const peers = [1, 2].map(() => run('count', url, 3000));
    for (const peer of peers) assert.equal(await peer.line(), 'ready');
    for (const peer of peers) peer.go();
    for (const peer of peers) {
      assert.equal(await peer.line(), 'done');
      await peer.exited;
    }
    assert.equal(memory.get('count').value, 6000n);
    assert.equal(memory.region('flags', 4096)[1], 2);
  });

  test('are no messages, and messages are no cells', async () => {
    const space = openSpace();
    const me = space.workstream('w');
    assert.throws(() => me.channel('m', { kind: 'memory', overflow: 'fail' }), TypeError);
    me.channel('m', { kind: 'memory' });
    assert.throws(() => me.channel('m'), { name: 'MismatchError' });
    me.channel('q');
    assert.throws(() => me.channel('q', { kind: 'memory' }), { name: 'MismatchError' });
    assert.equal(space.channel('other', { kind: 'memory', capacity: 3, inlineSize: 8 }).kind,
      'memory');
  });
});

describe('regions', () => {
  test('are seen by everybody, until they are closed', () => {
    const [a, b] = pair();
    const mine = a.region('r', 100_000);
    const yours = b.region('r', 100_000);
    const again = a.region('r', 100_000);
    assert.equal(mine.length, 100_000);
    assert.ok(mine.every((byte) => byte === 0));
    mine[99_999] = 7;
    assert.deepEqual([yours[99_999], again[99_999]], [7, 7]);
    const words = new Int32Array(yours.buffer);
    Atomics.add(words, 0, 5);
    assert.equal(mine[0], 5);
    a.close();
    assert.deepEqual([mine.length, again.length, yours.length], [0, 0, 100_000]);
    assert.throws(() => b.region('r', 5), { name: 'MismatchError' });
    assert.throws(() => b.region('s', 0), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => b.region('s', 2 ** 45), { name: 'TooLargeError' });
    assert.throws(() => b.region('s', -1), RangeError);
    assert.throws(() => b.region(5, 5), TypeError);
    b.workstream.close();
    assert.equal(yours.length, 0);
    assert.throws(() => b.region('r', 100_000), CLOSED);
  });
});
