'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, until } = require('./helpers/setup.js');

const NOT_FOUND = { name: 'NotFoundError', code: 'ERR_SYNCMGR_NOT_FOUND' };

const texts = (messages) => messages.map((message) => message.text);

describe('a queue with acknowledgements', () => {
  test('a message is gone when it is acknowledged, once', async () => {
    const queue = openSpace().channel('q', { acknowledge: true });
    await queue.send('1');
    const message = await queue.recv();
    assert.equal(queue.mailboxes()[0].taken, 1);
    message.acknowledge();
    assert.equal(queue.mailboxes()[0].taken, 0);
    assert.throws(() => message.acknowledge(), NOT_FOUND);
    assert.throws(() => message.reject(), NOT_FOUND);
    assert.equal(queue.tryRecv(), null);
  });

  test('without them there is nothing to acknowledge', async () => {
    const queue = openSpace().channel('q');
    await queue.send('1');
    const message = await queue.recv();
    assert.throws(() => message.acknowledge(), NOT_FOUND);
    assert.throws(() => message.reject(), { code: 'ERR_SYNCMGR_UNSUPPORTED' });
  });

  test('what is rejected goes back to its old place', async () => {
    const queue = openSpace().channel('q', { acknowledge: true });
    await queue.sendMany(['1', '2', '3']);
    const [first, second] = await queue.recvMany(2);
    second.acknowledge();
    first.reject();
    const messages = await queue.recvMany(9);
    assert.deepEqual(texts(messages), ['1', '3']);
    assert.deepEqual(messages.map((message) => message.deliveries), [2, 1]);
  });

  test('what was tried often enough is a dead letter, with the reason', async () => {
    const space = openSpace();
    const queue = space.channel('q', { acknowledge: true, maxDeliveries: 2, deadLetters: 'dead' });
    const dead = space.workstream('undertaker').channel('dead');
    await queue.sendMany(['twice', 'at once'], { metadata: { job: 7 } });
    (await queue.recv()).reject('no');
    (await queue.recv()).reject('still no');
    (await queue.recv()).reject('never', { dead: true });
    assert.equal(queue.tryRecv(), null);
    const letters = [await dead.recv(), await dead.recv()];
    assert.deepEqual(texts(letters), ['twice', 'at once']);
    for (const [index, reason] of ['still no', 'never'].entries()) {
      assert.match(JSON.stringify(letters[index].metadata), new RegExp(reason));
    }
    assert.throws(() => letters[0].reject('x'.repeat(300)), /ERR|longer|queue/i);
    assert.throws(() => letters[0].reject(5), TypeError);
    assert.throws(() => letters[0].reject('x', { gone: true }), TypeError);
  });

  test('what a consumer has when it closes goes to another', async () => {
    const space = openSpace();
    const first = space.workstream('first');
    const queue = first.channel('q', { acknowledge: true });
    const other = space.workstream('other').channel('q');
    await other.sendMany(['1', '2', '3']);
    const message = await queue.recv();
    const wait = other.recv();
    assert.equal((await wait).text, '2');
    first.close();
    const again = await other.recv();
    assert.equal(again.text, '1');
    assert.equal(again.deliveries, 2);
    assert.equal(message.text, '1');
    assert.throws(() => message.acknowledge(), { code: 'ERR_SYNCMGR_CLOSED' });
  });

  test('what a loop has taken ahead goes back when its channel is closed', async () => {
    const space = openSpace();
    const queue = space.workstream('loop').channel('q', { acknowledge: true });
    const other = space.workstream('other').channel('q');
    const numbers = Array.from({ length: 100 }, (_, index) => String(index));
    await other.sendMany(numbers);
    const done = [];
    for await (const message of queue) {
      message.acknowledge();
      done.push(message.text);
      if (done.length === 40) break;
    }
    queue.close();
    const rest = await other.recvMany(100);
    assert.deepEqual([...done, ...texts(rest)], numbers);
  });

  test('whose time passes loses the message', async () => {
    const space = openSpace();
    const queue = space.channel('q', { acknowledge: true, visibility: 20 });
    const other = space.workstream('other').channel('q');
    await queue.send('1');
    const message = await queue.recv();
    const again = await other.recv();
    assert.equal(again.text, '1');
    assert.equal(again.deliveries, 2);
    assert.throws(() => message.acknowledge(), NOT_FOUND);
  });

  test('more urgent ones come first', async () => {
    const queue = openSpace().channel('q', { priorities: true });
    for (const priority of ['low', 'high', 'medium', 'critical', 'high']) {
      await queue.send(priority, { priority });
    }
    assert.deepEqual(texts(await queue.recvMany(9)), ['critical', 'high', 'high', 'medium', 'low']);
  });

  test('a view is acknowledged by its release', async () => {
    const queue = openSpace().channel('q', { acknowledge: true });
    await queue.sendMany(['1', '2']);
    const first = await queue.view();
    const second = await queue.view();
    second.reject('later');
    assert.equal(second.released, true);
    assert.equal(second.data.length, 0);
    first.acknowledge();
    first.release();
    assert.equal(first.released, true);
    assert.equal((await queue.recv()).text, '2');
    await until(() => queue.tryRecv() === null, 'the queue is empty');
  });
});
