'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, sleep } = require('./helpers/setup.js');

const texts = (messages) => messages.map((message) => message.text);

/** Takes all that is there. */
function all(channel) {
  const messages = [];
  for (;;) {
    const message = channel.tryRecv();
    if (message === null) return texts(messages);
    messages.push(message);
  }
}

describe('a direct channel', () => {
  test('goes to the one that is named', async () => {
    const space = openSpace();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => (
      space.workstream(name).channel('d', { kind: 'direct' })));
    assert.equal(a.kind, 'direct');
    await a.send('to b', { target: 'b' });
    await b.send('to c', { target: ['c'] });
    await c.send('to myself', { target: 'c' });
    assert.deepEqual([all(a), all(b), all(c)], [[], ['to b'], ['to c', 'to myself']]);
    await assert.rejects(a.send('x', { target: 'nobody' }), { name: 'NotFoundError' });
    await assert.rejects(a.send('x'), { code: 'ERR_SYNCMGR_INVALID' });
    await assert.rejects(a.send('x', { target: 'a/b' }), { name: 'NameError' });
    await assert.rejects(a.send('x', { target: ['a/b'] }), { name: 'NameError' });
    await assert.rejects(a.send('x', { target: [5] }), TypeError);
  });

  test('one that is full holds up nobody else', async () => {
    const space = openSpace();
    const options = { kind: 'direct', capacity: 1 };
    const [full, other, sender] = ['full', 'other', 'sender'].map((name) => (
      space.workstream(name).channel('d', options)));
    await sender.send('1', { target: 'full' });
    const waits = sender.send('2', { target: 'full' });
    assert.equal(sender.trySend('3', { target: 'full' }), null);
    for (let round = 0; round < 5; round++) {
      const sends = [sender.send('x', { target: 'other' }), sender.send('y', { target: 'other' })];
      assert.deepEqual([(await other.recv()).text, (await other.recv()).text], ['x', 'y']);
      await Promise.all(sends);
    }
    assert.equal((await full.recv()).text, '1');
    await waits;
    assert.equal((await full.recv()).text, '2');
  });

  test('comes back on request when its receiver closes', async () => {
    const space = openSpace();
    const a = space.workstream('a').channel('d', { kind: 'direct' });
    const b = space.workstream('b').channel('d', { kind: 'direct' });
    await a.send('lost', { target: 'b' });
    await a.send('returns', { target: 'b', return: true, correlation: 7 });
    b.workstream.close();
    const message = await a.recv();
    assert.equal(message.text, 'returns');
    assert.equal(message.returned, true);
    assert.equal(message.correlation, 7n);
    assert.equal(a.tryRecv(), null);
  });
});

describe('a broadcast', () => {
  test('goes to all who subscribed, but the sender', async () => {
    const space = openSpace();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => (
      space.workstream(name).channel('b', { kind: 'broadcast' })));
    assert.deepEqual(await a.send('nobody'), { count: 0, partial: false });
    await assert.rejects(b.recv(), { name: 'NotFoundError' });
    for (const channel of [a, b, c]) assert.equal(channel.subscribe(), channel);
    assert.throws(() => a.subscribe(), { name: 'AlreadyError' });
    assert.equal((await a.send('1')).count, 2);
    assert.equal((await a.send('2', { self: true })).count, 3);
    assert.equal((await b.send('3', { target: ['a', 'c', 'stranger'] })).count, 2);
    assert.equal((await b.send('4', { target: 'c' })).count, 1);
    assert.deepEqual([all(a), all(b), all(c)], [['2', '3'], ['1', '2'], ['1', '2', '3', '4']]);
    c.unsubscribe();
    assert.equal((await a.send('5')).count, 1);
    assert.throws(() => c.unsubscribe(), { name: 'NotFoundError' });
  });

  test('a slow one loses its own, and hears how many', async () => {
    const space = openSpace();
    const options = { kind: 'broadcast', capacity: 4 };
    const [sender, slow, quick] = ['sender', 'slow', 'quick'].map((name) => (
      space.workstream(name).channel('b', options)));
    slow.subscribe();
    quick.subscribe();
    for (let round = 0; round < 10; round++) {
      assert.equal((await sender.send(String(round))).count, 2);
      assert.equal((await quick.recv()).text, String(round));
    }
    const lags = Object.fromEntries(sender.mailboxes().map((box) => [box.name, box.waiting]));
    assert.deepEqual(lags, { slow: 4, quick: 0 });
    const message = await slow.recv();
    assert.equal(message.text, '6');
    assert.equal(message.dropped, 6);
    assert.deepEqual(all(slow), ['7', '8', '9']);
  });

  test('some are full: partial', async () => {
    const space = openSpace();
    const options = { kind: 'broadcast', capacity: 1, overflow: 'dropNewest' };
    const [sender, slow, quick] = ['sender', 'slow', 'quick'].map((name) => (
      space.workstream(name).channel('b', options)));
    slow.subscribe();
    quick.subscribe();
    await sender.send('1');
    await quick.recv();
    assert.deepEqual(await sender.send('2'), { count: 1, partial: true });
    assert.throws(() => sender.trySend('3', { target: 'quick' }), { name: 'FullError' });
  });

  test('who comes late may have the last ones', async () => {
    const space = openSpace();
    const sender = space.workstream('s').channel('b', { kind: 'broadcast', history: 3 });
    for (const text of '12345') await sender.send(text);
    const late = space.workstream('late').channel('b', { kind: 'broadcast' });
    assert.throws(() => late.subscribe({ last: 4 }), { code: 'ERR_SYNCMGR_INVALID' });
    late.subscribe({ last: 2 });
    await sender.send('6');
    const messages = await late.recvMany(9);
    assert.deepEqual(texts(messages), ['4', '5', '6']);
    assert.deepEqual(messages.map((message) => message.history), [true, true, false]);
  });
});

describe('topics', () => {
  test('go to whose patterns match, each once', async () => {
    const space = openSpace();
    const sender = space.workstream('s').channel('t', { kind: 'topics' });
    const open = (name, ...patterns) => {
      const channel = space.workstream(name).channel('t', { kind: 'topics' });
      for (const pattern of patterns) channel.subscribe(pattern);
      return channel;
    };
    const one = open('one', 'a/*', 'a/b', '**');
    const two = open('two', 'a/*/c');
    const three = open('three', 'x/**', 'a/b*');
    assert.equal((await sender.send('ab', { topic: 'a/b' })).count, 2);
    assert.equal((await sender.send('abc', { topic: 'a/b/c' })).count, 2);
    assert.equal((await sender.send('x', { topic: 'x/y/z' })).count, 2);
    one.unsubscribe('**');
    assert.equal((await sender.send('q', { topic: 'q' })).count, 0);
    assert.deepEqual([all(one), all(two), all(three)], [['ab', 'abc', 'x'], ['abc'], ['ab', 'x']]);
    await assert.rejects(sender.send('x'), { code: 'ERR_SYNCMGR_INVALID' });
    await assert.rejects(sender.send('x', { topic: 'a/*' }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => one.subscribe('a/b'), { name: 'AlreadyError' });
    assert.throws(() => one.subscribe(5), TypeError);
    assert.throws(() => one.subscribe('a', { first: 1 }), TypeError);
  });

  test('the last of each may be retained', async () => {
    const space = openSpace();
    const options = { kind: 'topics', retain: true };
    const sender = space.workstream('s').channel('t', options);
    await sender.send('old', { topic: 'a', retain: true });
    await sender.send('new', { topic: 'a', retain: true });
    await sender.send('gone', { topic: 'b', retain: true });
    await sender.send('', { topic: 'b', retain: true });
    const late = space.workstream('late').channel('t', options).subscribe('*');
    const message = await late.recv();
    assert.equal(message.text, 'new');
    assert.equal(message.topic, 'a');
    assert.equal(message.retained, true);
    assert.equal(late.tryRecv(), null);
  });

  test('many senders and receivers of this program share nothing but the channel', async () => {
    const space = openSpace();
    const options = { kind: 'topics', capacity: 512 };
    const receivers = ['even/*', 'odd/*', '**'].map((pattern) => {
      const channel = space.workstream().channel('t', options).subscribe(pattern);
      const got = [];
      channel.on('message', (message) => got.push(Number(message.text)));
      return { channel, got };
    });
    const senders = [0, 1, 2].map(async (sender) => {
      const channel = space.workstream().channel('t', options);
      for (let index = sender; index < 300; index += 3) {
        await channel.send(String(index), { topic: index % 2 === 0 ? 'even/n' : 'odd/n' });
        if (index % 10 === 0) await sleep(1);
      }
    });
    await Promise.all(senders);
    const [even, odd, both] = receivers;
    const sorted = ({ got }) => got.sort((one, other) => one - other);
    const expected = Array.from({ length: 300 }, (_, index) => index);
    while (both.got.length < 300 || even.got.length < 150 || odd.got.length < 150) await sleep(1);
    assert.deepEqual(sorted(both), expected);
    assert.deepEqual(sorted(even), expected.filter((number) => number % 2 === 0));
    assert.deepEqual(sorted(odd), expected.filter((number) => number % 2 === 1));
  });
});
