'use strict';
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { openSpace, sleep, until } = require('./helpers/setup.js');

function pair(options, space = openSpace()) {
  return [space.workstream('a').channel('c', options), space.workstream('b').channel('c', options)];
}

const numbers = (count) => Array.from({ length: count }, (_, index) => String(index));

describe('for await', () => {
  test('gives all in order, until the channel is shut', async () => {
    const [a, b] = pair({ capacity: 128 });
    const sent = numbers(5000);
    const sending = (async () => {
      for (let start = 0; start < sent.length; start += 50) {
        await a.sendMany(sent.slice(start, start + 50));
      }
      a.shut({ drain: true });
    })();
    const got = [];
    for await (const message of b) got.push(message.text);
    assert.deepEqual(got, sent);
    await sending;
  });

  test('what a loop has not got to comes next', async () => {
    const [a, b] = pair({ capacity: 512 });
    await a.sendMany(numbers(400));
    const got = [];
    for await (const message of b) {
      got.push(message.text);
      if (got.length === 100) break;
    }
    got.push((await b.recv()).text, b.tryRecv().text);
    got.push(...(await b.recvMany(100)).map((message) => message.text));
    for await (const message of b) {
      got.push(message.text);
      if (got.length === 300) break;
    }
    got.push(...(await b.recvMany(1000)).map((message) => message.text));
    assert.deepEqual(got, numbers(400));
  });

  test('a slow loop keeps nothing from others', async () => {
    const space = openSpace();
    const [sender, slow] = pair({ capacity: 512 }, space);
    const quick = space.workstream('quick').channel('c');
    await sender.sendMany(numbers(300));
    let got = 0;
    for await (const message of slow) {
      assert.ok(message.text.length > 0);
      got += 1;
      // One that needs 5 ms for a message has none ahead.
      await sleep(5);
      if (got === 5) break;
    }
    const rest = await quick.recvMany(512);
    assert.equal(rest.length, 295);
  });

  test('a loop that was slow once is quick again', async () => {
    const [a, b] = pair({ capacity: 4096 });
    await a.sendMany(numbers(4000));
    let got = 0;
    let mostAhead = 0;
    for await (const message of b) {
      assert.equal(message.text, String(got));
      got += 1;
      if (got <= 5) await sleep(5);
      const ahead = 4000 - got - b.mailboxes()[0].waiting;
      if (got <= 5) assert.equal(ahead, 0);
      mostAhead = Math.max(mostAhead, ahead);
      if (got === 4000) break;
    }
    assert.ok(mostAhead >= 3, `${mostAhead} were taken ahead`);
  });

  test('a loop that always has messages lets others run', async () => {
    const [a, b] = pair();
    let over = false;
    let timers = 0;
    const timer = setInterval(() => { timers += 1; }, 1);
    const loop = (async () => {
      for await (const message of b) {
        assert.equal(message.text, 'x');
        a.trySend('x');
        if (over) break;
      }
    })();
    await a.sendMany(Array(200).fill('x'));
    await until(() => timers >= 5, 'timers run');
    over = true;
    await loop;
    clearInterval(timer);
  });

  test('ends by the signal, the time or close()', async () => {
    const [a, b] = pair();
    const controller = new AbortController();
    let got;
    const loop = async (given) => {
      got = [];
      try {
        for await (const message of b.messages(given)) got.push(message.text);
        got.push('end');
      } catch (error) {
        got.push(error.name);
      }
      return got;
    };
    const aborted = loop({ signal: controller.signal });
    await a.send('1');
    await until(() => got.length === 1, 'the first comes');
    controller.abort();
    assert.deepEqual(await aborted, ['1', 'AbortError']);
    assert.deepEqual(await loop({ signal: controller.signal }), ['AbortError']);
    await a.send('2');
    assert.deepEqual(await loop({ timeout: 20 }), ['2', 'TimeoutError']);
    const closed = loop();
    await a.send('3');
    await until(() => got.length === 1, 'the third comes');
    b.close();
    assert.deepEqual(await closed, ['3', 'end']);
    assert.deepEqual(await loop(), ['end']);
    assert.throws(() => a.messages({ wait: 1 }), TypeError);
  });

  test('an iterator that has ended stays so', async () => {
    const [a, b] = pair();
    await a.send('1');
    const messages = b.messages();
    assert.equal(messages[Symbol.asyncIterator](), messages);
    assert.deepEqual(await messages.return('x'), { value: 'x', done: true });
    assert.deepEqual(await messages.next(), { value: undefined, done: true });
    assert.equal(b.tryRecv().text, '1');
  });

  test('unsubscribing forgets what was taken ahead', async () => {
    const [a, b] = pair({ kind: 'broadcast' });
    b.subscribe();
    for (const text of numbers(50)) await a.send(text);
    let got = 0;
    for await (const message of b) {
      got += message.text.length > 0 ? 1 : 0;
      if (got === 20) break;
    }
    b.unsubscribe();
    b.subscribe();
    await a.send('after');
    assert.equal((await b.recv()).text, 'after');
  });
});

describe('listeners', () => {
  test('get messages while they listen', async () => {
    const [a, b] = pair();
    const got = [];
    const listener = (message) => got.push(message.text);
    await a.send('before');
    assert.equal(b.on('message', listener), b);
    await until(() => got.length === 1, 'the first comes');
    await a.send('while');
    await until(() => got.length === 2, 'the second comes');
    assert.equal(b.off('message', listener), b);
    await a.send('after');
    await sleep(10);
    assert.deepEqual(got, ['before', 'while']);
    assert.equal(b.tryRecv().text, 'after');
  });

  test('none is lost or doubled however they come and go', async () => {
    const [a, b] = pair({ capacity: 8 });
    const got = [];
    const listener = (message) => {
      got.push(message.text);
      if (got.length % 7 === 0) b.off('message', listener);
    };
    const sending = (async () => {
      for (const text of numbers(700)) await a.send(text);
    })();
    while (got.length < 700) {
      b.on('message', listener);
      await new Promise(setImmediate);
      b.removeListener('message', listener);
      b.addListener('message', listener);
      if (got.length % 3 === 0) await sleep(0);
      b.off('message', listener);
    }
    await sending;
    assert.deepEqual(got, numbers(700));
  });

  test('once() takes one message', async () => {
    const [a, b] = pair();
    await a.sendMany(['1', '2', '3']);
    const [message] = await once(b, 'message');
    assert.equal(message.text, '1');
    const second = new Promise((resolve) => { b.once('message', resolve); });
    assert.equal((await second).text, '2');
    assert.equal((await b.recv()).text, '3');
  });

  test('one that throws harms neither the others nor the next message', async () => {
    const [a, b] = pair();
    const { listeners } = process;
    const before = listeners.call(process, 'uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = [];
    process.on('uncaughtException', (error) => thrown.push(error.message));
    try {
      const got = [];
      b.on('message', (message) => {
        got.push(message.text);
        throw new Error(`of ${message.text}`);
      });
      await a.sendMany(['1', '2', '3']);
      await until(() => thrown.length === 3, 'all are thrown');
      assert.deepEqual(got, ['1', '2', '3']);
      assert.deepEqual(thrown, ['of 1', 'of 2', 'of 3']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });

  test('hear that it is over', async () => {
    const [a, b] = pair();
    const got = [];
    b.on('message', (message) => got.push(message.text)).on('close', () => got.push('close'));
    await a.send('1');
    a.shut({ drain: true });
    await until(() => got.length === 2, 'it is over');
    assert.deepEqual(got, ['1', 'close']);

    const [, closed] = pair();
    const closing = once(closed.on('message', () => {}), 'close');
    closed.close();
    await closing;
  });

  test('hear of errors', async () => {
    const [, b] = pair({ kind: 'broadcast' });
    const failing = new Promise((resolve) => { b.on('error', resolve); });
    b.on('message', () => {});
    assert.equal((await failing).name, 'NotFoundError');
    // Now that there is a subscription another listener begins anew.
    const [c] = pair({ kind: 'broadcast' }, b.manager.closed ? undefined : openSpace());
    c.subscribe();
    const got = once(c, 'message');
    await c.send('x', { self: true });
    assert.equal((await got)[0].text, 'x');
  });
});
