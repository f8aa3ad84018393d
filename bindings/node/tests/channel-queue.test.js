'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, sleep, syncmgr } = require('./helpers/setup.js');

const TIMEOUT = { name: 'TimeoutError', code: 'ERR_SYNCMGR_TIMEOUT' };
const CLOSED = { name: 'ClosedError', code: 'ERR_SYNCMGR_CLOSED' };

/** Opens the same channel for two workstreams. */
function pair(options, space = openSpace()) {
  return [space.workstream('a').channel('c', options), space.workstream('b').channel('c', options)];
}

const texts = (messages) => messages.map((message) => message.text);

describe('a queue', () => {
  test('carries a message and what goes with it', async () => {
    const [a, b] = pair();
    // The clock of messages ticks every few milliseconds.
    const before = BigInt(Date.now() - 50) * 1_000_000n;
    const delivery = await a.send(Buffer.from([1, 2, 3]), {
      topic: 'some/topic', metadata: { deep: [1, 'ä', null] }, priority: 'critical',
      correlation: 2n ** 64n - 1n, ttl: 60_000,
    });
    assert.deepEqual(delivery, { count: 1, partial: false });
    const message = await b.recv();
    assert.ok(message instanceof syncmgr.Message);
    assert.deepEqual(message.data, Buffer.from([1, 2, 3]));
    assert.equal(message.sender, 'a');
    assert.equal(message.senderId, a.workstream.id);
    assert.equal(message.topic, 'some/topic');
    assert.deepEqual(message.metadata, { deep: [1, 'ä', null] });
    assert.equal(message.priority, 'critical');
    assert.equal(message.correlation, 2n ** 64n - 1n);
    assert.equal(message.sequence, 1n);
    assert.equal(message.deliveries, 1);
    assert.equal(message.dropped, 0);
    assert.ok(message.ttl > 0 && message.ttl <= 60_000);
    assert.ok(message.wallNs >= before && message.wallNs < before + 60_000_000_000n);
    for (const flag of ['replyWanted', 'retained', 'history', 'returned']) {
      assert.equal(message[flag], false, flag);
    }
    assert.match(require('node:util').inspect(message), /Message .*some\/topic/s);
  });

  test('says so where there is nothing to say', async () => {
    const [a, b] = pair();
    await a.send('');
    const message = b.tryRecv();
    assert.equal(message.data.length, 0);
    assert.equal(message.text, '');
    assert.equal(message.topic, '');
    assert.equal(message.metadata, null);
    assert.equal(message.correlation, 0n);
    assert.equal(message.priority, 'medium');
    assert.equal(message.ttl, Infinity);
    assert.equal(b.tryRecv(), null);
  });

  test('takes bytes in every form, of every size', async () => {
    const [a, b] = pair({ capacity: 64 });
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => index);
    const forms = [['grün', Buffer.from('grün')], [bytes, bytes], [bytes.buffer, bytes],
      [bytes.subarray(3, 9), bytes.subarray(3, 9)],
      [new DataView(bytes.buffer, 5, 7), bytes.subarray(5, 12)],
      [new Uint16Array(bytes.buffer, 8, 3), bytes.subarray(8, 14)],
      [new Uint8Array(new SharedArrayBuffer(5)), new Uint8Array(5)]];
    for (const length of [0, 1, 255, 256, 257, 4096, 16_384, 16_385, 65_536, 70_000, 3_000_000]) {
      const data = Buffer.alloc(length, length % 251);
      forms.push([data, data]);
    }
    for (const [data] of forms) await a.send(data);
    for (const [, expected] of forms) {
      assert.equal(Buffer.compare((await b.recv()).data, expected), 0);
    }
    for (const data of [undefined, null, 5, {}, [1, 2], new Blob([])]) {
      await assert.rejects(a.send(data), TypeError);
      assert.throws(() => a.trySend(data), TypeError);
      await assert.rejects(a.sendMany([data]), TypeError);
    }
    assert.equal(b.tryRecv(), null);
  });

  test('messages stay as they are while others come', async () => {
    const [a, b] = pair({ capacity: 8 });
    const kept = [];
    for (let round = 0; round < 3000; round++) {
      a.trySend(`message ${round}`, { topic: `t${round}` });
      kept.push(b.tryRecv());
    }
    kept.forEach((message, round) => {
      assert.equal(message.text, `message ${round}`);
      assert.equal(message.topic, `t${round}`);
      assert.equal(message.sequence, BigInt(round + 1));
    });
  });

  test('a receive waits for the message', async () => {
    const [a, b] = pair();
    const waits = [b.recv(), b.recv(), b.recv()];
    await assert.rejects(b.recv({ timeout: 5 }), TIMEOUT);
    await assert.rejects(b.recv({ timeout: 0 }), TIMEOUT);
    await a.send('1');
    await a.send('2');
    await a.send('3');
    assert.deepEqual(texts(await Promise.all(waits)).sort(), ['1', '2', '3']);
    await a.send('4');
    assert.equal((await b.recv({ timeout: 0 })).text, '4');
  });

  test('a send waits for room, and nobody overtakes it', async () => {
    const [a, b] = pair({ capacity: 2 });
    const sends = ['1', '2', '3', '4', '5'].map((text) => a.send(text));
    assert.equal(a.trySend('6'), null);
    assert.equal(b.mailboxes()[0].waiting, 2);
    const got = [];
    for (let index = 0; index < 5; index++) got.push((await b.recv()).text);
    assert.deepEqual(got, ['1', '2', '3', '4', '5']);
    for (const delivery of await Promise.all(sends)) assert.equal(delivery.count, 1);
    assert.deepEqual(a.trySend('6'), { count: 1, partial: false });
  });

  test('a send that times out or is aborted is not sent, and others go on', async () => {
    const [a, b] = pair({ capacity: 1 });
    await a.send('1');
    const reason = new Error('enough');
    const first = new AbortController();
    const third = new AbortController();
    const sends = [a.send('2', { signal: first.signal }), a.send('3', { timeout: 20 }),
      a.send('4', { signal: third.signal }), a.send('5')];
    const outcomes = Promise.allSettled(sends);
    third.abort(reason);
    await assert.rejects(sends[2], reason);
    await assert.rejects(sends[1], TIMEOUT);
    first.abort(reason);
    await assert.rejects(sends[0], reason);
    await assert.rejects(a.send('6', { timeout: 0 }), TIMEOUT);
    await assert.rejects(a.send('7', { signal: AbortSignal.abort(reason) }), reason);
    assert.equal((await b.recv()).text, '1');
    assert.equal((await b.recv()).text, '5');
    assert.equal((await outcomes)[3].status, 'fulfilled');
    assert.equal(b.tryRecv(), null);
  });

  test('an aborted receive loses no message', async () => {
    const [a, b] = pair();
    let received = 0;
    let aborted = 0;
    for (let round = 0; round < 300; round++) {
      const controller = new AbortController();
      const wait = b.recv({ signal: controller.signal }).then(() => { received += 1; }, (error) => {
        assert.equal(error.name, 'AbortError');
        aborted += 1;
      });
      await a.send(String(round));
      // The abort comes before, while and after the wait ends.
      for (let turn = 0; turn < round % 3; turn++) await new Promise(setImmediate);
      controller.abort();
      await wait;
    }
    while (b.tryRecv() !== null) received += 1;
    assert.equal(received, 300);
    assert.ok(aborted > 0);
  });

  test('the turn of an aborted receive goes to another', async () => {
    const space = openSpace();
    const [a, b] = pair(undefined, space);
    const c = space.workstream('c').channel('c');
    for (let round = 0; round < 50; round++) {
      const controller = new AbortController();
      const first = b.recv({ signal: controller.signal });
      const second = c.recv();
      await a.send(String(round));
      controller.abort();
      const text = await first.then((message) => message.text, () => undefined);
      if (text !== undefined) await a.send(String(round));
      assert.equal((await second).text, String(round));
    }
  });

  test('several are sent and received by one call', async () => {
    const [a, b] = pair({ capacity: 100 });
    const list = Array.from({ length: 100 }, (_, index) => `${index}`.repeat(index % 40));
    assert.equal(await a.sendMany(list, { topic: 'numbers' }), 100);
    const messages = await b.recvMany(70);
    assert.equal(messages.length, 70);
    messages.push(...await b.recvMany(70, { timeout: 0 }));
    assert.deepEqual(texts(messages), list);
    for (const message of messages) assert.equal(message.topic, 'numbers');
    assert.equal(await a.sendMany([]), 0);
    await assert.rejects(b.recvMany(10, { timeout: 5 }), TIMEOUT);
    for (const count of [0, -1, 1.5, NaN]) await assert.rejects(b.recvMany(count), RangeError);
    for (const list of [7, null, {}, 'text']) await assert.rejects(a.sendMany(list), TypeError);
  });

  test('several that do not fit wait for room, or only the first are sent', async () => {
    const [a, b] = pair({ capacity: 4 });
    assert.equal(await a.sendMany([...'abcdef'], { timeout: 5 }), 4);
    await assert.rejects(a.sendMany(['x', 'y'], { timeout: 5 }), TIMEOUT);
    const rest = a.sendMany(['g', Buffer.alloc(5000, 'h'), 'i', 'j', 'k']);
    const then = a.send('last');
    const got = [];
    while (got.at(-1) !== 'last') got.push((await b.recv()).text);
    assert.deepEqual(got, ['a', 'b', 'c', 'd', 'g', 'h'.repeat(5000), 'i', 'j', 'k', 'last']);
    assert.equal(await rest, 5);
    await then;
  });

  test('each message comes to one of many consumers', async () => {
    const space = openSpace();
    const queue = space.workstream().channel('c', { capacity: 16 });
    const seen = [];
    const consumers = Array.from({ length: 4 }, async () => {
      const mine = space.workstream().channel('c');
      for await (const message of mine) {
        seen.push(Number(message.text));
        if (seen.length % 50 === 0) await sleep(1);
      }
    });
    const producers = [0, 1].map(async (producer) => {
      const mine = space.workstream().channel('c');
      for (let index = 0; index < 500; index++) await mine.send(String(producer * 500 + index));
    });
    await Promise.all(producers);
    queue.shut({ drain: true });
    await Promise.all(consumers);
    assert.deepEqual(seen.sort((one, other) => one - other),
      Array.from({ length: 1000 }, (_, index) => index));
    space.check();
  });

  test('a policy instead of waiting', async () => {
    const [a, b] = pair({ capacity: 2, overflow: 'fail' });
    await a.sendMany(['1', '2']);
    await assert.rejects(a.send('3'), { name: 'FullError', code: 'ERR_SYNCMGR_FULL' });
    assert.throws(() => a.trySend('3'), { code: 'ERR_SYNCMGR_FULL' });
    assert.deepEqual(texts(await b.recvMany(9)), ['1', '2']);
    const [c, d] = pair({ capacity: 2, overflow: 'dropOldest' });
    for (const text of '12345') await c.send(text);
    const messages = await d.recvMany(9);
    assert.deepEqual(texts(messages), ['4', '5']);
    assert.equal(messages[0].dropped, 3);
    assert.equal(d.mailboxes()[0].dropped, 3);
  });

  test('what is too old is not delivered', async () => {
    const [a, b] = pair();
    await a.send('old', { ttl: 1 });
    await a.send('new');
    await sleep(10);
    const message = b.tryRecv();
    assert.equal(message.text, 'new');
    assert.equal(message.dropped, 1);
    assert.equal(b.mailboxes()[0].expired, 1);
  });

  test('closing ends what waits', async () => {
    const space = openSpace();
    const [a, b] = pair({ capacity: 1 }, space);
    const stranger = space.workstream('s').channel('c');
    const waits = [a.recv(), a.recvMany(3), a.view(), a.messages().next(), a.call('x')];
    assert.equal((await b.recv()).text, 'x');
    await b.send('full');
    await waits[0];
    await b.send('full');
    const sends = [stranger.send('1'), stranger.send('2'), stranger.sendMany(['3'])];
    a.close();
    stranger.close();
    for (const wait of [waits[1], waits[2], waits[4], ...sends]) await assert.rejects(wait, CLOSED);
    assert.deepEqual(await waits[3], { value: undefined, done: true });
    for (const use of [() => a.tryRecv(), () => a.trySend('x'), () => a.loan(1), () => a.shut(),
      () => a.subscribe(), () => a.unsubscribe(), () => a.mailboxes()]) {
      assert.throws(use, CLOSED);
    }
    for (const use of [a.send('x'), a.sendMany(['x']), a.call('x'), a.recv(), a.recvMany(1),
      a.view()]) {
      await assert.rejects(use, CLOSED);
    }
    a.close();
  });

  test('shutting ends it for everybody, after what is there on request', async () => {
    const space = openSpace();
    const [a, b] = pair(undefined, space);
    await a.sendMany(['1', '2']);
    a.shut({ drain: true });
    await assert.rejects(a.send('3'), CLOSED);
    assert.equal((await b.recv()).text, '1');
    const rest = [];
    for await (const message of b) rest.push(message.text);
    assert.deepEqual(rest, ['2']);
    await assert.rejects(b.recv(), CLOSED);
    const c = space.workstream('x').channel('d');
    const wait = c.recv();
    space.workstream('y').channel('d').shut();
    await assert.rejects(wait, CLOSED);
    assert.throws(() => c.shut({ drain: 1 }), TypeError);
  });

  test('stays with its messages until it is removed', async () => {
    const space = openSpace();
    const open = () => space.workstream().channel('c');
    const first = open();
    await first.sendMany(['1', '2', '3']);
    assert.throws(() => space.remove('channel', 'c'), { name: 'BusyError' });
    first.close();
    const second = open();
    assert.equal(second.tryRecv().text, '1');
    second.workstream.close();
    const [object] = space.snapshot().objects.filter(({ type }) => type === 'channel');
    assert.deepEqual([object.name, object.open, object.parameters.kind], ['c', 0, 'queue']);
    space.remove('channel', 'c');
    assert.equal(open().tryRecv(), null);
  });

  test('options that nobody would read, or of the wrong kind, are refused', async () => {
    const space = openSpace();
    const me = space.workstream('w');
    assert.throws(() => me.channel('c', { size: 3 }), { message: /no option "size"/ });
    assert.throws(() => me.channel('c', { kind: 'stream' }), RangeError);
    assert.throws(() => me.channel('c', { overflow: 'wait' }), RangeError);
    assert.throws(() => me.channel('c', { capacity: '3' }), TypeError);
    assert.throws(() => me.channel('c', { acknowledge: 1 }), TypeError);
    assert.throws(() => me.channel('c', { capacity: 0 }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => me.channel('c', { history: 3 }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => me.channel('c', { deadLetters: 'd' }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => me.channel(7), TypeError);
    assert.throws(() => me.channel('a\0b'), { name: 'NameError' });
    const channel = me.channel('c', { capacity: 3, inlineSize: 100 });
    assert.equal(me.channel('c').kind, 'queue');
    assert.throws(() => me.channel('c', { capacity: 4 }), { code: 'ERR_SYNCMGR_MISMATCH' });
    assert.throws(() => me.channel('c', { kind: 'broadcast' }), { code: 'ERR_SYNCMGR_MISMATCH' });
    for (const options of [{ topic: 5 }, { correlation: 1.5 }, { metadata: () => {} }, { ttl: '1' },
      { retain: 1 }, { signal: 5 }, { wait: 1 }]) {
      await assert.rejects(channel.send('x', options), TypeError, JSON.stringify(options));
    }
    for (const options of [{ correlation: -1 }, { correlation: 2n ** 64n }, { ttl: -1 },
      { priority: 'urgent' }, { timeout: -1 }]) {
      await assert.rejects(channel.send('x', options), RangeError);
    }
    for (const options of [{ topic: 'x'.repeat(256) }, { metadata: 'x'.repeat(1100) },
      { target: 'b' }, { self: true }, { return: true }]) {
      await assert.rejects(channel.send('x', options), { code: 'ERR_SYNCMGR_INVALID' });
    }
    assert.throws(() => channel.trySend('x', { timeout: 5 }), TypeError);
    assert.equal(channel.tryRecv(), null);
  });

  test('a message that cannot fit is refused with both sizes', async () => {
    const [a] = pair();
    assert.throws(() => a.loan(2 ** 40), { name: 'TooLargeError', message: /\d{13} bytes.*\d{9}/ });
    for (const size of [-1, 1.5, NaN, 2 ** 60]) assert.throws(() => a.loan(size), RangeError);
    assert.throws(() => a.loan(0), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => a.loan('1'), TypeError);
  });
});
