'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { newUrl, openSpace, syncmgr, until } = require('./helpers/setup.js');
const { run } = require('./helpers/peer.js');

const LATE = { name: 'LateError', code: 'ERR_SYNCMGR_LATE' };
const FAILED = { name: 'SyncPointFailedError', code: 'ERR_SYNCMGR_FAILED' };
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const STRANGER = { name: 'NotExpectedError', code: 'ERR_SYNCMGR_NOT_EXPECTED' };

/** Opens a point through a workstream for each of the names. */
function open(names, expected, options, space = openSpace()) {
  return [...names].map((name) => space.workstream(name).syncPoint('p', expected, options));
}

/** Resolves with the error that the promise is rejected with. */
async function errorOf(promise, expected) {
  let error;
  await assert.rejects(promise, (thrown) => { error = thrown; return true; });
  assert.deepEqual({ name: error.name, code: error.code }, expected);
  return error;
}

describe('sync point', () => {
  test('is complete when everybody is there', async () => {
    const [a, b] = open('ab', ['a', 'b']);
    const waiting = a.wait();
    assert.equal(b.result.status, 'waiting');
    assert.deepEqual([b.result.participating, b.result.missing], [['a'], ['b']]);
    assert.equal(b.result.completedAt, null);
    const before = Date.now();
    const result = await b.wait();
    assert.deepEqual(await waiting, result);
    assert.deepEqual(await a.wait({ timeout: 0 }), result);
    assert.equal(result.status, 'complete');
    assert.deepEqual(result.participating, ['a', 'b']);
    assert.deepEqual([result.missing, result.late, result.failed, result.reason],
      [[], [], [], '']);
    assert.ok(result.metMinimum && result.requiredMet);
    assert.ok(Math.abs(result.completedAt - before) < 5000);
  });

  test('a minimum with the required ones suffices, and who comes later is late', async () => {
    const [a, b, c, d] = open('abcd', 'a b c d'.split(' '), { minimum: 2, required: ['d'] });
    assert.deepEqual([a.expected, a.required], [['a', 'b', 'c', 'd'], ['d']]);
    const waits = [a.wait(), b.wait()];
    assert.equal(c.result.requiredMet, false);
    const result = await d.wait();
    assert.deepEqual([result.status, result.missing], ['partial_complete', ['c']]);
    assert.deepEqual(await Promise.all(waits), [result, result]);
    const error = await errorOf(c.wait(), LATE);
    assert.deepEqual(error.result.late, ['c']);
    assert.deepEqual(a.result.late, ['c']);
  });

  test('the minimum in all its forms', () => {
    const space = openSpace();
    const names = ['a', 'b', 'c'];
    const cases = [[undefined, 3], [2, 2], [0.5, 2], [2 / 3, 2], [1 / 3, 1], [0.01, 1],
      [(total) => total - 1, 2]];
    for (const [index, [minimum, wanted]] of cases.entries()) {
      assert.equal(space.syncPoint(`p${index}`, names, { minimum }).result.minimum, wanted);
    }
    for (const minimum of [0, 4, -1, 1.5, NaN]) {
      assert.throws(() => space.syncPoint('q', names, { minimum }), RangeError);
    }
    assert.throws(() => space.syncPoint('q', names, { minimum: '2' }), TypeError);
  });

  test('strangers look, force and cancel, and never count', async () => {
    const space = openSpace();
    const point = space.syncPoint('p', ['a', 'b']);
    await errorOf(point.wait(), STRANGER);
    assert.throws(() => point.fail(), STRANGER);
    assert.equal(point.forceComplete(), true);
    assert.equal(point.forceComplete(), false);
    assert.equal(point.cancel('too late'), false);
    const { status, metMinimum, participating, reason } = point.result;
    assert.deepEqual([status, metMinimum, participating], ['partial_complete', false, []]);
    assert.match(reason, /by force/);
  });

  test('is opened with the parameters it was made with', () => {
    const space = openSpace();
    assert.throws(() => space.syncPoint('p'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    const point = space.syncPoint('p', ['a', 'b'], { timeout: 1e6 });
    space.syncPoint('p', new Set(['b', 'a']), { timeout: 1e6 });
    assert.deepEqual(space.syncPoint('p').expected, ['a', 'b']);
    assert.throws(() => space.syncPoint('p', ['a', 'c'], { timeout: 1e6 }),
      { code: 'ERR_SYNCMGR_MISMATCH', message: /'a' 'b'.*'a' 'c'/ });
    assert.throws(() => space.syncPoint('p', ['a', 'b']), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => space.syncPoint('p', undefined, { minimum: 1 }), TypeError);
    assert.throws(() => space.syncPoint('q', ['a'], { minimun: 1 }), TypeError);
    assert.throws(() => space.syncPoint('q', 'ab'), TypeError);
    for (const bad of [[], [''], ['a/b']]) {
      assert.throws(() => space.syncPoint('q', bad), RangeError);
    }
    assert.throws(() => space.syncPoint('q', ['a', 'a']), { code: 'ERR_SYNCMGR_INVALID' });
    assert.match(inspect(point), /SyncPoint "p"/);
    const many = Array.from({ length: 1024 }, (_, index) => `${'long-name-'.repeat(20)}${index}`);
    const large = space.syncPoint('large', many, { required: many });
    assert.equal(large.required.length, 1024);
    large.close();
    space.remove('syncPoint', 'large');
  });

  test('its time ends all waits', async () => {
    const [a, b] = open('ab', ['a', 'b'], { timeout: 50 });
    const error = await errorOf(a.wait(), TIMEOUT);
    assert.deepEqual([error.result.status, error.result.participating], ['timed_out', ['a']]);
    assert.match(error.result.reason, /1 of 2/);
    assert.equal((await errorOf(b.wait(), LATE)).result.status, 'timed_out');
    const [c] = open('a', ['a', 'b'], { timeout: 50, continueOnTimeout: true });
    assert.equal((await c.wait()).status, 'partial_complete');
  });

  test('a wait whose time passed, or that is aborted, is not there', async () => {
    const [a, b] = open('ab', ['a', 'b']);
    for (const timeout of [0, 20]) {
      const error = await errorOf(a.wait({ timeout }), TIMEOUT);
      assert.deepEqual([error.result.status, error.result.participating], ['waiting', []]);
    }
    const controller = new AbortController();
    const waiting = a.wait({ signal: controller.signal });
    assert.deepEqual(b.result.participating, ['a']);
    await assert.rejects(a.wait(), { code: 'ERR_SYNCMGR_ALREADY' });
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    assert.deepEqual(b.result.participating, []);
    const closing = a.wait();
    a.close();
    await assert.rejects(closing, { name: 'ClosedError' });
    assert.deepEqual(b.result.participating, []);
  });

  test('cancel and fail end it with their reasons', async () => {
    const [a, b] = open('ab', ['a', 'b']);
    const waiting = a.wait();
    assert.equal(b.cancel('the disk is full'), true);
    assert.equal((await errorOf(waiting, FAILED)).result.reason, 'the disk is full');
    const [c, d, e] = open('abc', ['a', 'b', 'c'], { continueOnFailure: true });
    const other = c.wait();
    assert.throws(() => c.fail(), { code: 'ERR_SYNCMGR_BUSY' });
    assert.equal(d.fail('out of paper'), true);
    assert.deepEqual(c.result.failed, ['b']);
    const result = await e.wait();
    assert.deepEqual([result.status, result.reason], ['partial_complete', 'out of paper']);
    assert.deepEqual(await other, result);
  });

  test('processes meet, and one that is killed fails the point', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const [point] = open('c', ['a', 'b', 'c'], undefined, space);
    const peers = ['a', 'b'].map((name) => run('meet', url, name));
    for (const peer of peers) assert.equal(await peer.line(), 'waits');
    await until(() => point.result.participating.length === 2, 'two have arrived');
    await peers[1].kill();
    await until(() => point.result.status === 'failed', 'the point fails');
    assert.equal(point.result.reason, `b (pid ${peers[1].pid}) died`);
    assert.equal(await peers[0].line(), 'ERR_SYNCMGR_FAILED');
    await peers[0].kill();
    assert.ok(point instanceof syncmgr.SyncPoint);
  });
});
