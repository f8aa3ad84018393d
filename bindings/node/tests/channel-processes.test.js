'use strict';
const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { run } = require('./helpers/peer.js');
const { newUrl, openSpace, until } = require('./helpers/setup.js');

const LIBRARY = path.join(__dirname, '..', 'lib');

describe('channels between processes', () => {
  test('carry everything in order', async () => {
    const url = newUrl();
    const queue = openSpace(url).workstream('consumer').channel('c', { capacity: 64 });
    const peer = run('produce', url, 20_000);
    let next = 0;
    for await (const message of queue) {
      assert.equal(message.text, String(next));
      assert.equal(message.sender, 'producer');
      next += 1;
      if (next === 20_000) break;
    }
    assert.equal(await peer.line(), 'done');
    assert.equal((await peer.exited).code, 0);
  });

  test('what a killed consumer had goes to another', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const queue = space.workstream('other').channel('c', { acknowledge: true });
    const peer = run('consume', url, 3);
    await queue.sendMany(['1', '2', '3']);
    assert.equal(await peer.line(), '1 2 3');
    await queue.send('4');
    peer.killNow();
    const got = [];
    while (got.length < 3) {
      const message = await queue.recv();
      got.push([message.text, message.deliveries]);
      message.acknowledge();
    }
    assert.deepEqual(got.sort(), [['2', 2], ['3', 2], ['4', 1]]);
    space.check();
  });

  test('who was asked dies: unavailable', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const channel = space.workstream('asks').channel('d', { kind: 'direct' });
    const peer = run('receive-direct', url);
    assert.equal(await peer.line(), 'ready');
    const call = channel.call('read', { target: 'victim' });
    assert.equal(await peer.line(), 'read');
    await channel.send('unread', { target: 'victim', return: true });
    peer.killNow();
    await assert.rejects(call, { name: 'UnavailableError' });
    const message = await channel.recv();
    assert.deepEqual([message.text, message.returned], ['unread', true]);
    await assert.rejects(channel.send('x', { target: 'victim' }), { name: 'NotFoundError' });
    space.check();
  });

  test('what the dead have borrowed comes back', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const me = space.workstream('me');
    const queue = me.channel('c');
    const broadcast = me.channel('b', { kind: 'broadcast' });
    for (let round = 0; round < 3; round++) {
      await queue.send(Buffer.alloc(20_000_000));
      const peer = run('borrow', url);
      assert.equal(await peer.line(), '20000000 20000000');
      assert.equal(broadcast.mailboxes().length, 1);
      peer.killNow();
      space.cleanup();
      assert.equal(broadcast.mailboxes().length, 0);
      assert.equal(queue.mailboxes()[0].taken, 0);
    }
    space.check();
  });

  test('a program lives as long as it waits for a message', async () => {
    for (const how of ['receives', 'listens']) {
      const url = newUrl();
      const queue = openSpace(url).workstream('me').channel('c');
      const peer = run('await-message', url, how);
      assert.equal(await peer.line(), 'waits');
      await queue.send('wake up');
      assert.equal(await peer.line(), 'wake up');
      assert.deepEqual(await peer.exited, { code: 0, signal: null });
    }
  });

  test('a program that waits for none ends by itself', async () => {
    const url = newUrl();
    openSpace(url);
    const peer = run('idle-channel', url);
    assert.equal(await peer.line(), 'idle');
    assert.deepEqual(await peer.exited, { code: 0, signal: null });
  });

  test('a worker that is terminated leaves nothing behind', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const queue = space.workstream('me').channel('c', { acknowledge: true });
    await queue.sendMany(['1', '2', Buffer.alloc(50_000)]);
    const worker = new Worker(`
      const { open } = require(${JSON.stringify(LIBRARY)});
      (async () => {
        const queue = open(${JSON.stringify(url)}).workstream('worker').channel('c');
        const message = await queue.recv();
        const views = [await queue.view(), await queue.view()];
        const loan = queue.loan(1000);
        require('node:worker_threads').parentPort.postMessage('ready');
        await queue.recv();
      })();
    `, { eval: true });
    await new Promise((resolve) => { worker.once('message', resolve); });
    assert.equal(queue.tryRecv(), null);
    await worker.terminate();
    await until(() => queue.mailboxes()[0].waiting === 3, 'all is back');
    const messages = await queue.recvMany(9);
    assert.deepEqual(messages.map((message) => message.data.length), [1, 1, 50_000]);
    space.check();
  });
});
