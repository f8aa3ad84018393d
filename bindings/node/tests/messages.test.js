'use strict';
// Messages from workstream to workstream.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { newUrl, openSpace, sleep, until } = require('./helpers/setup.js');
const { run } = require('./helpers/peer.js');

const statuses = (space, { id }) => space.messageStatus(id).map(({ status }) => status);

describe('messages', () => {
  test('arrive, and taking is reading', async () => {
    const space = openSpace();
    const [me, you] = [space.workstream('me'), space.workstream('you')];
    const sent = me.send('you', 'hello', {
      detail: { n: 1 }, kind: 'dataAvailable', priority: 'high',
    });
    assert.deepEqual(sent.missing, []);
    assert.deepEqual(statuses(space, sent), ['pending']);
    const message = you.inbox.tryNext();
    assert.deepEqual(
      [message.kind, message.workstream, message.name, message.text, message.detail,
        message.priority, message.message, message.pid],
      ['dataAvailable', me.id, 'me', 'hello', { n: 1 }, 'high', sent.id, process.pid]);
    assert.deepEqual(statuses(space, sent), ['read']);
    assert.equal(you.inbox.tryNext(), null);
    await assert.rejects(me.inbox.wait({ timeout: 10 }), { code: 'ERR_SYNCMGR_TIMEOUT' });
  });

  test('are acknowledged by those who are asked to', async () => {
    const space = openSpace();
    const [me, you] = [space.workstream('me'), space.workstream('you')];
    const sent = me.send(['you', 'me'], 'please', { requireAck: true });
    const message = await you.inbox.wait();
    assert.deepEqual(statuses(space, sent), ['delivered', 'pending']);
    you.inbox.read(message);
    me.inbox.read(sent.id);
    assert.deepEqual(statuses(space, sent), ['read', 'read']);
    assert.throws(() => me.inbox.read(sent.id + 1n), { code: 'ERR_SYNCMGR_NOT_FOUND' });
  });

  test('are never delivered to nobody', () => {
    const space = openSpace();
    const me = space.workstream('me');
    assert.throws(() => me.send('stranger', 'hello'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    assert.throws(() => me.send(null, 'hello'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    const sent = me.send(['stranger', 'me'], 'hello');
    assert.deepEqual(sent.missing, ['stranger']);
    assert.deepEqual(statuses(space, sent), ['failed', 'pending']);
    assert.throws(() => me.send('a/b', ''), { code: 'ERR_SYNCMGR_NAME' });
    assert.throws(() => me.send('', ''), { code: 'ERR_SYNCMGR_NAME' });
    for (const options of [{ kind: 'died' }, { priority: 'urgent' }, { ttl: -1 }]) {
      assert.throws(() => me.send('me', '', options), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => me.send(null, '', { kind: 'deadlock' }), { code: 'ERR_SYNCMGR_INVALID' });
  });

  test('expire', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const sent = me.send('me', 'soon', { ttl: 15 });
    assert.deepEqual(statuses(space, sent), ['pending']);
    await sleep(25);
    assert.deepEqual(statuses(space, sent), ['expired']);
    assert.equal(me.inbox.tryNext(), null);
  });

  test('a loop over an inbox ends with its workstream', async () => {
    const space = openSpace();
    const [me, you] = [space.workstream('me'), space.workstream('you')];
    const texts = [];
    const loop = (async () => {
      for await (const message of you.inbox) texts.push(message.text);
    })();
    me.send('you', 'one');
    await until(() => texts.length === 1, 'the first came');
    me.send('you', 'two');
    await until(() => texts.length === 2, 'the second came');
    you.close();
    await loop;
    assert.deepEqual(texts, ['one', 'two']);
    await assert.rejects(you.inbox.wait(), { code: 'ERR_SYNCMGR_CLOSED' });
  });

  test('a wait can be aborted, and ends with the space', async () => {
    const space = openSpace();
    const me = space.workstream('me');
    const controller = new AbortController();
    const wait = me.inbox.wait({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(wait, /enough/);
    const other = me.inbox.wait();
    const outcome = assert.rejects(other, { code: 'ERR_SYNCMGR_CLOSED' });
    space.close();
    await outcome;
  });

  test('go to another process and back, and fail with it', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const me = space.workstream('me');
    const peer = run('answer', url);
    assert.equal(await peer.line(), 'ready');
    me.send('worker', 'work', { detail: [1, 2] });
    const answer = await me.inbox.wait({ timeout: 20000 });
    assert.deepEqual([answer.text, answer.detail, answer.name, answer.pid],
      ['WORK', [1, 2], 'worker', peer.pid]);
    const sent = me.send('worker', 'die', { requireAck: true });
    await until(() => statuses(space, sent)[0] === 'failed', 'the recipient died');
  });

  test('come as a notice to the process of their recipient only', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const me = space.workstream('me');
    const peer = run('listen', url);
    assert.equal(await peer.line(), 'ready stranger');
    const events = space.events({ kinds: 'custom' });
    const sent = me.send('me', 'private');
    const notice = await events.wait({ timeout: 20000 });
    assert.deepEqual([notice.text, notice.message], ['private', sent.id]);
    assert.deepEqual(statuses(space, sent), ['delivered']);
    me.send(null, 'public');
    assert.equal((await events.wait({ timeout: 20000 })).text, 'public');
    assert.equal(await peer.line(), 'public');
    peer.killNow();
    await peer.exited;
    space.cleanup();
  });
});
