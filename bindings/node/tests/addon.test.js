'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { describe, test } = require('node:test');
const { newUrl, openSpace, randomNumbers, sleep } = require('./helpers/setup.js');
const { addon, native } = require('../lib/loader.js');
const api = require('../lib/api.js');

/** Values of every kind that JavaScript has, and numbers at every edge. */
function strangers() {
  const detached = new ArrayBuffer(64);
  const emptied = new Uint8Array(detached);
  structuredClone(detached, { transfer: [detached] });
  return [
    undefined, null, true, false, 0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32,
    2 ** 53, 2 ** 64, -(2 ** 63), 1e308, 0n, 1n, -1n, 2n ** 63n, 2n ** 64n, '', 'name', 'a\0b',
    'x'.repeat(70_000), '\ud800', Symbol('s'), {}, [], () => {}, new Date(), /r/, new Map(),
    new ArrayBuffer(0), new ArrayBuffer(3), new ArrayBuffer(4096), new SharedArrayBuffer(4096),
    new Uint8Array(0), new Uint8Array(4096), new Uint8Array(new ArrayBuffer(4096), 1, 4000),
    new BigUint64Array(64), new DataView(new ArrayBuffer(4096)), Buffer.alloc(8), detached,
    emptied, new Proxy({}, {}), Object.create(null), process.stdout,
    { valueOf() { throw new Error('valueOf'); } },
  ];
}

/** A call must return or throw an ordinary error; anything else ends the process. */
function survives(callee, values) {
  try {
    callee(...values);
  } catch (error) {
    assert.ok(error instanceof Error, `it threw ${String(error)}`);
  }
}

describe('bound functions', () => {
  const names = Object.keys(native);

  test('each refuses a wrong number of arguments', () => {
    for (const name of names) {
      const words = api.functions[name].split(' ').slice(1).filter((word) => word !== '0');
      for (let count = 0; count <= 9; count++) {
        if (count === words.length) continue;
        assert.throws(() => native[name](...Array(count).fill(null)), TypeError, name);
      }
    }
  });

  test('each survives any value in any place', () => {
    const all = strangers();
    for (const name of names) {
      const words = api.functions[name].split(' ').slice(1).filter((word) => word !== '0');
      const harmless = words.map((word) => ('iulUnN'.includes(word[0]) ? 0 : null));
      for (let place = 0; place < words.length; place++) {
        for (const value of all) survives(native[name], harmless.with?.(place, value) ??
          harmless.map((other, index) => (index === place ? value : other)));
      }
    }
  });

  test('each survives random values, also with real handles among them', () => {
    const random = randomNumbers();
    const space = openSpace();
    const me = space.workstream('w');
    const real = [space, me, me.mutex('m'), me.semaphore('s', 2), me.latch('l', 1),
      me.barrier('b', 2), me.event('e'), me.rwlock('r'), me.condition('c'), me.election('el'),
      me.channel('q'), me.channel('t', { kind: 'topics' }).subscribe('**'),
      me.channel('cells', { kind: 'memory' }), me.store()]
      .map((object) => object._handle());
    const close = /_close$|^syncmgr_close$/;
    const values = [...strangers(), ...real, ...real, ...real, ...real];
    for (const name of names.filter((other) => !close.test(other))) {
      const words = api.functions[name].split(' ').slice(1).filter((word) => word !== '0');
      for (let round = 0; round < 400; round++) {
        survives(native[name], words.map(() => values[random(values.length)]));
      }
    }
  });

  test('memory that is too small, or lies askew, is refused', () => {
    const handle = openSpace()._handle();
    assert.throws(() => native.syncmgr_cleanup(handle, new Uint8Array(3)), TypeError);
    assert.throws(() => native.syncmgr_cleanup(handle, new Uint8Array(new ArrayBuffer(8), 1, 4)),
      TypeError);
    assert.equal(native.syncmgr_cleanup(handle, new Uint8Array(new ArrayBuffer(8), 4, 4)), 0);
    assert.equal(native.syncmgr_cleanup(handle, null), 0);
    const bytes = new Uint8Array(80);
    const count = new Uint32Array(1);
    assert.throws(() => native.syncmgr_queue_drain(1, bytes, 3, count), TypeError);
    assert.equal(native.syncmgr_queue_drain(1, bytes, 2, count), api.constants.E_HANDLE);
    assert.throws(() => native.syncmgr_workstream_name(1, bytes, 81), TypeError);
  });

  test('options are copied: neither their size nor a pointer comes from JavaScript', () => {
    const workstream = openSpace().workstream('w');
    const options = new Uint8Array(24).fill(0xff);
    options.fill(0, 4, 8);
    const out = new Uint32Array(2);
    const status = native.syncmgr_barrier_open(workstream._handle(), 'b', 1, options, out);
    assert.equal(status, api.constants.OK);
    const barrier = out[0] + out[1] * 2 ** 32;
    // The action would have been called at an address of all ones.
    assert.equal(native.syncmgr_barrier_arrive(barrier, null), api.constants.LEADER);
  });

  test('texts of options lie behind them, and nowhere else', () => {
    const { bytes, target, topic, metadata } = api.structures.syncmgr_send_options_t;
    const queue = openSpace().channel('q');
    const send = (size, ...places) => {
      const options = Buffer.alloc(size);
      options.writeBigInt64LE(-1n, 16);
      for (const [field, place] of places) options.writeBigUInt64LE(place, field);
      if (size > bytes) options.write('text', bytes);
      return native.syncmgr_channel_send(queue._handle(), null, 0, options, null);
    };
    assert.equal(send(bytes), 0);
    assert.equal(send(bytes + 5, [topic, BigInt(bytes)]), 0);
    assert.equal(send(bytes + 5, [topic, BigInt(bytes)], [metadata, BigInt(bytes + 4)]), 0);
    assert.deepEqual([queue.tryRecv().topic, queue.tryRecv().topic], ['', 'text']);
    for (const place of [1n, BigInt(bytes - 1), BigInt(bytes + 5), 2n ** 32n, 2n ** 64n - 1n]) {
      for (const field of [target, topic, metadata]) {
        assert.throws(() => send(bytes + 5, [field, place]), TypeError);
      }
    }
    const endless = Buffer.alloc(bytes + 5, 'x');
    const shared = new Uint8Array(new SharedArrayBuffer(bytes + 5));
    for (const options of [endless, shared]) {
      assert.throws(() => native.syncmgr_channel_send(queue._handle(), null, 0, options, null),
        TypeError);
    }
  });

  test('structures have what they point to behind them, and nowhere else', () => {
    const { bytes, data, length, key } = api.structures.syncmgr_cell_t;
    const cells = openSpace().workstream('w').channel('m', { kind: 'memory' });
    const memory = (size, fields = [], buffer = new ArrayBuffer(size)) => {
      const cell = Buffer.from(buffer, 0, size);
      for (const [field, value] of fields) cell.writeBigUInt64LE(value, field);
      if (size >= bytes + 5) cell.write('key!', bytes);
      return cell;
    };
    const set = (cell) => native.syncmgr_channel_set(cells._handle(), cell, 0, null);
    const behind = BigInt(bytes);
    const cell = memory(bytes + 5, [[key, behind], [data, behind + 1n], [length, 2n]]);
    assert.equal(set(cell), 0);
    assert.deepEqual(cells.get('key!').value, Buffer.from('ey'));
    // They are places still.
    assert.equal(cell.readBigUInt64LE(key), behind);
    assert.equal(cell.readBigUInt64LE(data), behind + 1n);
    assert.equal(set(null), api.constants.E_INVALID);
    assert.equal(set(memory(bytes)), api.constants.E_INVALID);
    const wrong = [[[key, 1n]], [[key, behind - 1n]], [[key, behind + 5n]], [[key, 2n ** 64n - 1n]],
      [[data, behind], [length, 6n]], [[data, behind + 5n], [length, 1n]],
      [[data, behind + 6n]], [[data, behind], [length, 2n ** 64n - 1n]], [[data, 2n ** 40n]]];
    for (const fields of wrong) {
      const refused = memory(bytes + 5, fields);
      assert.throws(() => set(refused), TypeError);
      assert.deepEqual(refused.subarray(0, bytes), Buffer.alloc(bytes));
    }
    const endless = memory(bytes + 5, [[key, behind]]);
    endless.fill('x', bytes);
    const shared = memory(bytes + 5, [[key, behind]], new SharedArrayBuffer(bytes + 5));
    const askew = Buffer.from(new ArrayBuffer(bytes + 9), 4, bytes + 5);
    for (const refused of [endless, shared, askew, memory(bytes - 8)]) {
      assert.throws(() => set(refused), TypeError);
    }
  });

  test('structures and the memory for what they get have no byte in common', () => {
    const { bytes, key, data, status } = api.structures.syncmgr_cell_t;
    const memory = openSpace().workstream('w').channel('m', { kind: 'memory' });
    memory.set('k', 'value');
    const buffer = new ArrayBuffer(1024);
    const cells = Buffer.from(buffer, 0, 2 * bytes + 3);
    cells.write('k', 2 * bytes);
    const get = (count, values) => {
      cells.fill(0, 0, 2 * bytes);
      for (let index = 0; index < 2; index++) {
        cells.writeBigUInt64LE(BigInt(2 * bytes), index * bytes + key);
      }
      return native.syncmgr_channel_get(memory._handle(), cells, count, values, values.length,
        null);
    };
    const values = Buffer.from(buffer, 512);
    assert.equal(get(2, values), 0);
    assert.equal(cells.readBigUInt64LE(data), 0n);
    assert.equal(cells.readBigUInt64LE(bytes + data), 8n);
    assert.equal(values.toString('utf8', 8, 13), 'value');
    assert.equal(get(1, values.subarray(0, 4)), api.constants.E_TOO_LARGE);
    assert.equal(cells.readBigUInt64LE(data), 2n ** 64n - 1n);
    assert.equal(cells.readInt32LE(status), 0);
    assert.throws(() => get(3, values), TypeError);
    assert.throws(() => get(1, Buffer.from(buffer, 2 * bytes, 512)), TypeError);
    assert.throws(() => get(1, Buffer.from(buffer)), TypeError);
  });

  test('several messages have the bytes that their lengths say', () => {
    const queue = openSpace().channel('q');
    const send = (bytes, lengths, count) => (
      native.syncmgr_channel_send_many(queue._handle(), bytes, lengths, count, null));
    const bytes = Buffer.from('abcdef');
    const one = (number) => Uint32Array.of(number);
    assert.equal(send(bytes, Uint32Array.of(1, 2, 3), one(3)), 0);
    assert.equal(send(bytes, Uint32Array.of(1, 2, 300), one(2)), 0);
    assert.equal(send(null, Uint32Array.of(0, 0), one(2)), 0);
    assert.deepEqual(Array.from({ length: 7 }, () => queue.tryRecv().text),
      ['a', 'bc', 'def', 'a', 'bc', '', '']);
    const askew = new Uint8Array(new ArrayBuffer(16), 1, 8);
    const shared = new Uint32Array(new SharedArrayBuffer(8));
    for (const [lengths, count] of [[Uint32Array.of(7), 1], [Uint32Array.of(1), 2], [askew, 1],
      [Uint32Array.of(3, 4), 2], [Uint32Array.of(1, 2 ** 32 - 1), 2], [null, 1], [shared, 1],
      [Uint32Array.of(1), 2 ** 32 - 1]]) {
      assert.throws(() => send(bytes, lengths, one(count)), TypeError);
    }
    assert.throws(() => send(bytes, one(1), shared), TypeError);
    assert.throws(() => send(bytes, one(1), new Uint8Array(3)), TypeError);
    assert.equal(send(bytes, one(1), null), api.constants.E_INVALID);
    assert.equal(queue.tryRecv(), null);
  });

  test('no bound function can wait', () => {
    for (const [name, signature] of Object.entries(api.functions)) {
      const isDuration = /^syncmgr_(lease_set|transaction_clear)$/.test(name);
      if (/l/.test(signature) && !isDuration) assert.match(name, /_start$/);
    }
    const mutex = openSpace().mutex('m');
    mutex.tryAcquire();
    const start = performance.now();
    assert.equal(native.syncmgr_mutex_lock(mutex._handle()), api.constants.E_TIMEOUT);
    assert.ok(performance.now() - start < 1000);
  });
});

describe('the functions of the addon', () => {
  test('each survives any values', () => {
    for (const name of Object.keys(addon)) {
      const all = strangers().filter((value) => name !== 'own' || !Number.isSafeInteger(value));
      for (const first of all) {
        survives(addon[name], [first]);
        for (const second of all) {
          if (typeof first === 'number' && typeof second === 'function') continue;
          survives(addon[name], [first, second]);
        }
      }
      survives(addon[name], []);
      survives(addon[name], [1, 2, 3, 4, 5]);
    }
  });

  test('those of channels survive random values, also with real handles among them', () => {
    const random = randomNumbers();
    const space = openSpace();
    const me = space.workstream('w');
    const channels = [me.channel('q'), me.channel('m', { kind: 'memory' })];
    const memory = new BigUint64Array(400);
    const isLarge = (value) => /number|bigint/.test(typeof value) && value > 2 ** 20;
    const values = [...strangers().filter((value) => !isLarge(value)), memory, 'key', 'name',
      ...Array(9).fill(memory.subarray(0, 90)),
      ...Array(9).fill(Buffer.alloc(2048)), 0, 1, 2, 8, 0n, 1n];
    const pick = () => values[random(values.length)];
    const counts = { receive: 5, view: 2, loan: 2, region: 3 };
    let successes = 0;
    for (const [name, count] of Object.entries(counts)) {
      for (let round = 0; round < 2000; round++) {
        channels[0].trySend('message');
        const handle = channels[random(2)]._handle();
        survives((...words) => {
          const result = addon[name](handle, ...words);
          successes += typeof result === 'object' || result >= 0 ? 1 : 0;
        }, Array.from({ length: count - 1 }, pick));
      }
    }
    assert.ok(successes > 50, `${successes} calls went through`);
    space.check();
  });

  test('bind takes only what is a signature', () => {
    for (const bad of ['', 'x', 'i ', 'i  h', 'ih', 'i x', 'i p', 'i p0', 'i p99999', 'i a8',
      'i a8 u', 'i n', 'i o8', 'i o8:9', 'i o8:2', 'i o4096:8', 'l', 'i h h h h h h h', 'i h,h',
      'i o56:32:4', 'i o56:32:0', 'i o56:40:3', 'i o56:36:1', 'i o56:32:', 'i b', 'i b q', 'i q',
      'i c', 'i b c', 'i q c', 'i b u', 'i b q p4', 'i r40', 'i r40:', 'i r40:t', 'i r40:t4',
      'i r40:t40',
      'i r40:d32', 'i r40:st0', 'i r12:s', 'i r40:y8', 'i m', 'i u m', 'i p4 m', 'i r8:x0 N',
      `i r200:${Array.from({ length: 13 }, (_, index) => `x${index * 8}`).join('')}`]) {
      assert.throws(() => addon.bind('syncmgr_close', bad), { name: 'TypeError' }, bad);
    }
    assert.throws(() => addon.bind('no_such_function', 'i'), { message: /no_such_function/ });
    assert.throws(() => addon.bind('n'.repeat(64), 'i'), TypeError);
    assert.equal(addon.bind('syncmgr_close', 'i h')(null), 0);
  });

  test('load says why a library cannot be loaded', () => {
    assert.throws(() => addon.load('/no/such/library.so'), { message: /no\/such/ });
    assert.throws(() => addon.load(__filename), { message: /invalid ELF/ });
    assert.throws(() => addon.load('libm.so.6'), { message: /not libsyncmgr/ });
    // The library that was loaded before is still the one in use.
    assert.equal(native.syncmgr_abi_version(), api.constants.ABI_VERSION);
  });

  test('watch refuses what cannot be watched', () => {
    assert.throws(() => addon.watch(2 ** 31 - 1, () => {}), { message: /watched/ });
    const file = fs.openSync(__filename);
    assert.throws(() => addon.watch(file, () => {}), { message: /watched/ });
    fs.closeSync(file);
  });

  test('the methods of a watch cannot be borrowed', async () => {
    const space = openSpace();
    const out = new Uint32Array(2);
    assert.equal(native.syncmgr_queue_open(space._handle(), 0, -1, out), 0);
    assert.equal(native.syncmgr_queue_fd(out[0] + out[1] * 2 ** 32, out), 0);
    let calls = 0;
    const watch = addon.watch(out[0], () => { calls += 1; });
    for (const method of ['ref', 'unref', 'close']) {
      for (const stranger of [undefined, null, 5, {}, new Date(), addon]) {
        assert.throws(() => watch[method].call(stranger), TypeError);
      }
      watch[method]();
      watch[method]();
    }
    await sleep(5);
    assert.equal(calls, 0);
  });

  test('a detached lock word is empty', () => {
    const mutex = openSpace().mutex('m');
    const [word, grants] = addon.fastpath(mutex._handle());
    assert.equal(word.byteLength, 4);
    assert.equal(grants.byteLength, 8);
    const view = new Int32Array(word);
    addon.detach(word);
    addon.detach(grants);
    assert.equal(view.length, 0);
    assert.throws(() => Atomics.load(view, 0));
    assert.equal(addon.fastpath(0), undefined);
    assert.throws(() => addon.detach(Buffer.alloc(8)), TypeError);
  });

  test('handles of mutexes that were closed are forgotten', () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    for (let round = 0; round < 5000; round++) space.mutex('m').close();
    mutex.tryAcquire().release();
    space.check();
  });

  test('messages are received only into memory that has room for them', () => {
    const queue = openSpace().channel('q', { capacity: 16 });
    const { bytes: size, length } = api.structures.syncmgr_message_t;
    const handle = queue._handle();
    for (let index = 0; index < 5; index++) queue.trySend(`message ${index}`, { topic: 'topic' });
    const receive = (memory, start, messages) => addon.receive(handle, 0n, memory, start, messages);
    const messages = new BigUint64Array(2 * size / 8);
    const memory = Buffer.alloc(256);
    for (const refused of [[memory, 257, messages], [memory, -1, messages],
      [memory, 0, new Uint8Array(size - 1)], [memory, 0, new Uint8Array(messages.buffer, 1, size)],
      [memory, 0, new Uint8Array(new SharedArrayBuffer(size))],
      [new Uint8Array(new SharedArrayBuffer(256)), 0, messages], ['', 0, messages]]) {
      assert.throws(() => receive(...refused), TypeError);
    }
    assert.equal(receive(memory, 250, messages), api.constants.E_TOO_LARGE);
    const needed = Number(messages[length / 8]);
    assert.ok(needed > 6 && needed < 100);
    assert.equal(receive(memory, 100, messages), 2);
    const place = Number(messages[0]);
    assert.ok(place >= 100 && place < 256);
    assert.equal(memory.toString('utf8', place, place + 9), 'message 0');
    // What does not fit stays for the next call.
    assert.equal(receive(memory, 256 - needed - 4, messages), 1);
    assert.equal(receive(memory, 0, messages), 2);
    assert.equal(receive(memory, 0, messages), api.constants.E_TIMEOUT);
    assert.throws(() => addon.view(handle, new Uint8Array(100)), TypeError);
    assert.equal(addon.view(handle, new Uint8Array(4096)), api.constants.E_TIMEOUT);
  });

  test('managers can be owned and disowned in any order', () => {
    const url = newUrl();
    const spaces = Array.from({ length: 40 }, () => openSpace(url));
    for (const index of [39, 0, 20, 5]) spaces[index].close();
    for (const space of spaces) space.close();
  });
});
