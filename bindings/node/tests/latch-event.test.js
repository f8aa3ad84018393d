'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { openSpace, sleep, until } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };

describe('latch', () => {
  test('opens at zero for all who wait, and stays open', async () => {
    const latch = openSpace().latch('l', 3);
    assert.equal(latch.count, 3);
    let passed = 0;
    const waits = Array.from({ length: 20 }, () => latch.wait().then(() => { passed += 1; }));
    assert.equal(latch.countDown(), 2);
    await sleep(5);
    assert.equal(passed, 0);
    assert.equal(latch.countDown(2), 0);
    await Promise.all(waits);
    assert.equal(await latch.wait({ timeout: 0 }), undefined);
    assert.equal(latch.count, 0);
  });

  test('counting further than zero counts nothing', () => {
    const latch = openSpace().latch('l', 2);
    assert.throws(() => latch.countDown(3), { code: 'ERR_SYNCMGR_OVERFLOW' });
    assert.throws(() => latch.countDown(0), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => latch.countDown(-1), RangeError);
    assert.equal(latch.count, 2);
  });

  test('its first count is a parameter, however far it has come', () => {
    const space = openSpace();
    assert.throws(() => space.latch('l'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    space.latch('l', 2).countDown();
    assert.equal(space.latch('l', 2).count, 1);
    assert.equal(space.latch('l').count, 1);
    assert.throws(() => space.latch('l', 1), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.equal(space.latch('open', 0).count, 0);
  });

  test('timeouts and closing', async () => {
    const latch = openSpace().latch('l', 1);
    await assert.rejects(latch.wait({ timeout: 0 }), TIMEOUT);
    await assert.rejects(latch.wait({ timeout: 5 }), TIMEOUT);
    const waiting = latch.wait();
    latch.close();
    await assert.rejects(waiting, { code: 'ERR_SYNCMGR_CLOSED' });
    await assert.rejects(latch.wait(), { code: 'ERR_SYNCMGR_CLOSED' });
    assert.throws(() => latch.countDown(), { code: 'ERR_SYNCMGR_CLOSED' });
    assert.throws(() => latch.count, { code: 'ERR_SYNCMGR_CLOSED' });
  });
});

describe('event', () => {
  test('auto reset lets one waiter go on for each set', async () => {
    const event = openSpace().event('e');
    assert.equal(event.isSet(), false);
    let passed = 0;
    const waits = [1, 2, 3].map(() => event.wait().then(() => { passed += 1; }));
    for (let expected = 1; expected <= 3; expected++) {
      event.set();
      await until(() => passed === expected, `${expected} have passed`);
      await sleep(5);
      assert.equal(passed, expected);
    }
    await Promise.all(waits);
    assert.equal(event.isSet(), false);
  });

  test('a set without a waiter waits for one', async () => {
    const event = openSpace().event('e');
    event.set();
    event.set();
    assert.equal(event.isSet(), true);
    await event.wait({ timeout: 0 });
    assert.equal(event.isSet(), false);
    assert.equal(event.tryWait(), false);
    event.set();
    assert.equal(event.tryWait(), true);
    event.set();
    event.reset();
    assert.equal(event.tryWait(), false);
  });

  test('manual reset lets everybody go on', async () => {
    const event = openSpace().event('e', { manual: true });
    const waits = Array.from({ length: 10 }, () => event.wait());
    event.set();
    await Promise.all(waits);
    await event.wait();
    assert.equal(event.tryWait(), true);
    assert.equal(event.isSet(), true);
    event.reset();
    assert.equal(event.isSet(), false);
    await assert.rejects(event.wait({ timeout: 5 }), TIMEOUT);
  });

  test('a new event may be set from the start, an old one keeps its state', () => {
    const space = openSpace();
    assert.equal(space.event('e', { set: true }).isSet(), true);
    space.event('e').reset();
    assert.equal(space.event('e', { set: true }).isSet(), false);
    assert.throws(() => space.event('e', { manual: true }), { code: 'ERR_SYNCMGR_MISMATCH' });
  });

  test('timeouts and closing', async () => {
    const event = openSpace().event('e');
    assert.equal(inspect(event), 'Event "e"');
    await assert.rejects(event.wait({ timeout: 0 }), TIMEOUT);
    await assert.rejects(event.wait({ timeout: 5 }), TIMEOUT);
    const waiting = event.wait();
    event[Symbol.dispose]();
    await assert.rejects(waiting, { code: 'ERR_SYNCMGR_CLOSED' });
    await assert.rejects(event.wait(), { code: 'ERR_SYNCMGR_CLOSED' });
    for (const use of [() => event.set(), () => event.reset(), () => event.isSet(),
      () => event.tryWait()]) {
      assert.throws(use, { code: 'ERR_SYNCMGR_CLOSED' });
    }
  });
});
