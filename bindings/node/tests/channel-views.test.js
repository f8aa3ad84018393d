'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { openSpace, sleep, syncmgr } = require('./helpers/setup.js');

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

function pair(options, space = openSpace()) {
  return [space.workstream('a').channel('c', options), space.workstream('b').channel('c', options)];
}

describe('a view', () => {
  test('is a message whose data is not copied, until it is released', async () => {
    const [a, b] = pair();
    for (const size of [0, 1, 64, 5000, 1_000_000]) {
      const sent = Buffer.alloc(size, 'data');
      await a.send(sent, { topic: 'a/topic', metadata: { size }, correlation: 5 });
      const view = await b.view();
      assert.ok(view instanceof syncmgr.View);
      assert.ok(view instanceof syncmgr.Message);
      assert.ok(view.data instanceof Uint8Array);
      assert.equal(Buffer.compare(view.data, sent), 0);
      assert.equal(view.text, sent.toString());
      assert.deepEqual([view.sender, view.topic, view.metadata, view.correlation],
        ['a', 'a/topic', { size }, 5n]);
      assert.equal(b.mailboxes()[0].taken, 1);
      const { data } = view;
      const part = data.subarray(1, 3);
      view.release();
      view.release();
      assert.deepEqual([data.length, part.length, view.released], [0, 0, true]);
      assert.equal(b.mailboxes()[0].taken, 0);
      assert.equal(view.topic, 'a/topic');
    }
  });

  test('waits as a receive does', async () => {
    const [a, b] = pair();
    await assert.rejects(b.view({ timeout: 5 }), { name: 'TimeoutError' });
    const controller = new AbortController();
    const aborted = b.view({ signal: controller.signal });
    controller.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    const wait = b.view();
    await a.send('x');
    const view = await wait;
    assert.equal(view.text, 'x');
    await view[Symbol.asyncDispose]();
    assert.equal(view.released, true);
  });

  test('that cannot be rejected stays', async () => {
    const [a, b] = pair();
    await a.send('x');
    const view = await b.view();
    assert.throws(() => view.reject(), { name: 'UnsupportedError' });
    assert.throws(() => view.reject(5), TypeError);
    assert.equal(view.text, 'x');
    view.release();
    assert.equal(b.mailboxes()[0].taken, 0);
  });

  test('several receivers of this process see the same bytes', async () => {
    const space = openSpace();
    const sender = space.workstream('s').channel('b', { kind: 'broadcast' });
    const receivers = ['1', '2', '3'].map((name) => (
      space.workstream(name).channel('b', { kind: 'broadcast' }).subscribe()));
    await sender.send(Buffer.alloc(100_000, 7));
    const views = await Promise.all(receivers.map((receiver) => receiver.view()));
    for (const view of views) {
      assert.ok(view.data.every((byte) => byte === 7));
      view.release();
    }
    space.check();
  });

  test('ends when its channel is closed, in whatever way', async () => {
    for (const end of ['channel', 'workstream', 'manager']) {
      const space = openSpace();
      const [a, b] = pair(undefined, space);
      await a.send(Buffer.alloc(10_000, 1));
      const view = await b.view();
      const loan = b.loan(100);
      const { data } = view;
      ({ channel: b, workstream: b.workstream, manager: space })[end].close();
      for (const lent of [view, loan]) {
        assert.equal(lent.released, true);
        assert.equal(lent.data.length, 0);
        lent.release();
      }
      assert.equal(data.length, 0);
      if (end !== 'manager') space.check();
    }
  });

  test('of what a loop has taken ahead is a copy', async () => {
    const [a, b] = pair();
    await a.sendMany(['1', '2', '3', '4', '5', '6', '7', '8']);
    const got = [];
    for await (const message of b) {
      got.push(message.text);
      if (got.length === 2) break;
    }
    while (got.length < 8) {
      const view = await b.view();
      got.push(view.text);
      view.release();
      assert.equal(view.data.length, 0);
    }
    assert.deepEqual(got, ['1', '2', '3', '4', '5', '6', '7', '8']);
  });
});

describe('what is borrowed', () => {
  test('is not given back while somebody has its bytes', async () => {
    const space = openSpace();
    const sender = space.workstream('w').channel('c');
    await sender.send(Buffer.alloc(10_000, 5));
    // Nobody has the channel of the manager but its bytes.
    const lent = space.channel('c').loan(10_000).data.fill(6);
    const seen = (await space.channel('c').view()).data;
    for (let round = 0; round < 20; round++) {
      collect();
      await sleep(1);
      const loan = sender.loan(10_000);
      loan.data.fill(9);
      await loan.publish();
    }
    assert.ok(lent.length === 10_000 && lent.every((byte) => byte === 6));
    assert.ok(seen.length === 10_000 && seen.every((byte) => byte === 5));
  });
});

describe('a loan', () => {
  test('is written in place and published', async () => {
    const [a, b] = pair();
    const loan = a.loan(1_000_000);
    assert.ok(loan instanceof syncmgr.Loan);
    assert.equal(loan.size, 1_000_000);
    assert.equal(loan.data.length, 1_000_000);
    loan.data.fill(9);
    const { data } = loan;
    const delivery = await loan.publish({ topic: 'big', metadata: { in: 'place' } });
    assert.deepEqual(delivery, { count: 1, partial: false });
    assert.deepEqual([loan.released, data.length], [true, 0]);
    const view = await b.view();
    assert.deepEqual([view.data.length, view.topic, view.metadata],
      [1_000_000, 'big', { in: 'place' }]);
    assert.ok(view.data.every((byte) => byte === 9));
    view.release();
    await assert.rejects(loan.publish(), { name: 'ClosedError' });
    loan.release();
  });

  test('may be published in part', async () => {
    const [a, b] = pair();
    const loan = a.loan(100);
    loan.data.set(Buffer.from('hello'));
    for (const length of [101, -1, 1.5, '5']) {
      await assert.rejects(loan.publish({ length }), (error) => error instanceof TypeError ||
        error instanceof RangeError || error.code === 'ERR_SYNCMGR_INVALID');
    }
    await loan.publish({ length: 5 });
    assert.equal((await b.recv()).text, 'hello');
    await a.loan(100).publish({ length: 0 });
    assert.equal((await b.recv()).data.length, 0);
  });

  test('stays when there is no room, and waits for it in line', async () => {
    const [a, b] = pair({ capacity: 1 });
    await a.send('full');
    const loan = a.loan(3);
    loan.data.set(Buffer.from('abc'));
    await assert.rejects(loan.publish({ timeout: 5 }), { name: 'TimeoutError' });
    assert.equal(loan.released, false);
    assert.equal(loan.data.length, 3);
    const published = loan.publish();
    const twice = assert.rejects(loan.publish(), { name: 'ClosedError' });
    const last = a.send('last');
    assert.equal((await b.recv()).text, 'full');
    assert.equal((await b.recv()).text, 'abc');
    await published;
    await twice;
    assert.equal((await b.recv()).text, 'last');
    await last;
  });

  test('is given back unused', async () => {
    const space = openSpace();
    const [a, b] = pair(undefined, space);
    // More than the segment has, were they not given back.
    for (let round = 0; round < 80; round++) {
      const loan = a.loan(20_000_000);
      loan.data[0] = 1;
      loan[Symbol.dispose]();
      assert.equal(loan.data.length, 0);
    }
    assert.equal(b.tryRecv(), null);
    space.check();
  });
});
