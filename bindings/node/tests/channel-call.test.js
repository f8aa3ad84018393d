'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace } = require('./helpers/setup.js');

/** Opens a channel for one who asks and one who answers. */
function pair(options, space = openSpace()) {
  return [space.workstream('asks').channel('c', options),
    space.workstream('answers').channel('c', options)];
}

describe('requests', () => {
  for (const kind of ['queue', 'direct']) {
    const target = kind === 'direct' ? { target: 'answers' } : {};

    test(`of a ${kind} are answered`, async () => {
      const [asks, answers] = pair({ kind });
      const calls = ['1', '2', '3'].map((text) => asks.call(text, target));
      const requests = await answers.recvMany(3);
      // The answers come to those who asked, in whatever order they are given.
      for (const request of requests.reverse()) {
        assert.equal(request.replyWanted, true);
        request.reply(Buffer.alloc(5000, request.text), { metadata: { to: request.text } });
        assert.throws(() => request.reply('again'), { name: 'NotFoundError' });
      }
      const responses = await Promise.all(calls);
      assert.deepEqual(responses.map((response) => response.metadata.to), ['1', '2', '3']);
      assert.deepEqual(responses.map((response) => response.text[4999]), ['1', '2', '3']);
      assert.equal(responses[0].sender, 'answers');
      assert.equal(asks.tryRecv(), null);
    });

    test(`of a ${kind} that are given up are over`, async () => {
      const [asks, answers] = pair({ kind });
      await assert.rejects(asks.call('late', { ...target, timeout: 10 }), { name: 'TimeoutError' });
      const controller = new AbortController();
      const aborted = asks.call('aborted', { ...target, signal: controller.signal });
      const requests = await answers.recvMany(2);
      controller.abort();
      await assert.rejects(aborted, { name: 'AbortError' });
      for (const request of requests) {
        assert.throws(() => request.reply('too late'), { name: 'NotFoundError' });
      }
      await assert.rejects(asks.call('x', { ...target, timeout: 0 }), { name: 'TimeoutError' });
    });
  }

  test('wait for room', async () => {
    const [asks, answers] = pair({ kind: 'queue', capacity: 1 });
    await asks.send('full');
    const call = asks.call('question');
    assert.equal((await answers.recv()).text, 'full');
    (await answers.recv()).reply('answer');
    assert.equal((await call).text, 'answer');
  });

  test('end when who was asked closes', async () => {
    const [asks, answers] = pair({ kind: 'direct' });
    const unread = asks.call('unread', { target: 'answers' });
    answers.workstream.close();
    await assert.rejects(unread, { name: 'UnavailableError' });
    await assert.rejects(asks.call('x', { target: 'answers' }), { name: 'NotFoundError' });
  });

  test('may be given up as often as one likes', async () => {
    const space = openSpace();
    const [asks, answers] = pair({ kind: 'direct' }, space);
    for (let round = 0; round < 3000; round++) {
      const call = asks.call('x', { target: 'answers', timeout: 0 });
      await assert.rejects(call, { name: 'TimeoutError' });
      answers.tryRecv();
    }
    space.check();
  });

  test('of other kinds there are none', async () => {
    const [asks] = pair({ kind: 'broadcast' });
    await assert.rejects(asks.call('x'), { name: 'UnsupportedError' });
    const [one, other] = pair({ kind: 'queue' });
    await one.send('x');
    assert.throws(() => other.tryRecv().reply('y'), { name: 'NotFoundError' });
  });
});
