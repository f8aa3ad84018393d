'use strict';
// Notices for loops and listeners, chosen by kind, name and priority.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { newUrl, openSpace, sleep, until } = require('./helpers/setup.js');
const { run } = require('./helpers/peer.js');

describe('events', () => {
  test('of a mutex: who gets it and gives it back', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const events = space.events({ kinds: ['granted', 'released'] });
    const guard = await me.mutex('db').acquire();
    const { token } = guard;
    guard.release();
    const granted = await events.wait({ timeout: 5000 });
    const released = await events.wait({ timeout: 5000 });
    const { timeNs, wallNs, sequence, ...rest } = granted;
    assert.deepEqual(rest, {
      kind: 'granted', workstream: me.id, pid: process.pid, name: 'me', object: 'db',
      type: 'mutex', priority: 'low', value: token, text: '', detail: null, message: 0n,
    });
    assert.ok(timeNs > 0n && Math.abs(Number(wallNs) / 1e6 - Date.now()) < 60000);
    assert.deepEqual([released.kind, released.value, released.sequence],
      ['released', token, sequence + 1n]);
    assert.equal(events.tryNext(), null);
  });

  test('come in a loop, which ends when the space closes', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const events = space.events({ kinds: 'custom' });
    const texts = [];
    const loop = (async () => {
      for await (const event of events) texts.push(event.text);
    })();
    me.send(null, 'one');
    me.send(null, 'two', { detail: [1, { a: null }] });
    await until(() => texts.length === 2, 'two came');
    space.close();
    await loop;
    assert.deepEqual(texts, ['one', 'two']);
    assert.ok(events.closed);
    await assert.rejects(events.wait(), { code: 'ERR_SYNCMGR_CLOSED' });
  });

  test('end when the loop is left', async () => {
    const space = openSpace();
    const events = space.events();
    space.workstream('w');
    for await (const event of events) {
      assert.equal(event.kind, 'opened');
      break;
    }
    assert.ok(events.closed);
  });

  test('are chosen by names and priority', async () => {
    const space = openSpace();
    const [me, other] = [space.workstream('me'), space.workstream('other')];
    const few = space.events({ kinds: 'granted', objects: 'db-?', workstreams: 'm*' });
    const urgent = space.events({ minPriority: 'high' });
    for (const name of ['db', 'db-1', 'cache', 'db-22']) me.mutex(name).tryAcquire();
    other.mutex('db-9').tryAcquire();
    other.fail('no more disk');
    assert.equal((await few.wait({ timeout: 5000 })).object, 'db-1');
    await assert.rejects(few.wait({ timeout: 20 }), { code: 'ERR_SYNCMGR_TIMEOUT' });
    const failed = await urgent.wait({ timeout: 5000 });
    assert.deepEqual([failed.kind, failed.text, failed.name, failed.priority],
      ['failed', 'no more disk', 'other', 'high']);
    await assert.rejects(urgent.wait({ timeout: 0 }), { code: 'ERR_SYNCMGR_TIMEOUT' });
    for (const options of [{ kinds: 'never' }, { kinds: [] }, { minPriority: 'urgent' }]) {
      assert.throws(() => space.events(options), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => space.events({ objects: '' }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => space.events({ object: 'db' }), TypeError);
  });

  test('a wait can be aborted, and loses no notice', async () => {
    const space = openSpace();
    const events = space.events({ kinds: 'custom' });
    const controller = new AbortController();
    const wait = events.wait({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(wait, /enough/);
    await assert.rejects(events.wait({ signal: controller.signal }), /enough/);
    space.workstream('me').send(null, 'kept');
    assert.equal((await events.wait({ timeout: 5000 })).text, 'kept');
  });

  test('a slow reader learns how many it lost', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const events = space.events({ kinds: 'custom' });
    const total = 4000;
    for (let number = 0; number < total; number++) me.send(null);
    let [seen, lost] = [0, 0];
    while (seen + lost < total) {
      const event = await events.wait({ timeout: 5000 });
      if (event.kind === 'gap') lost += Number(event.value);
      else seen += 1;
    }
    assert.equal(seen + lost, total);
    assert.ok(lost > 0);
  });

  test('of an owner that dies in another process', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const peer = run('hold-mutex', url);
    assert.equal(await peer.line(), 'holds');
    const events = space.events({ kinds: ['ownerDied', 'died'], workstreams: 'victim' });
    peer.killNow();
    const told = [await events.wait(), await events.wait()];
    assert.deepEqual(told.map(({ kind, object, name, pid }) => [kind, object, name, pid]), [
      ['ownerDied', 'm', 'victim', peer.pid], ['died', '', 'victim', peer.pid],
    ]);
  });

  test('a detail is what JSON says, and a workstream ends once', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const events = space.events({ kinds: 'completed' });
    const detail = { rows: [1, 2.5, null, true], é: 'ü' };
    me.complete(detail);
    assert.deepEqual((await events.wait({ timeout: 5000 })).detail, detail);
    assert.throws(() => me.fail('late'), { code: 'ERR_SYNCMGR_ALREADY' });
    assert.throws(() => me.send(null, '', { detail: () => {} }), TypeError);
  });
});

describe('listeners', () => {
  test('hear of the kind that they are for', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const heard = [];
    space.on('granted', (notice) => heard.push(`granted ${notice.object}`));
    space.on('custom', (notice) => heard.push(notice.text));
    me.mutex('db').tryAcquire();
    me.send(null, 'hello');
    await until(() => heard.length === 2, 'both are heard');
    assert.deepEqual(heard.sort(), ['granted db', 'hello']);
    space.removeAllListeners();
    assert.throws(() => me.send(null, 'nobody listens'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    await sleep(5);
  });
});
