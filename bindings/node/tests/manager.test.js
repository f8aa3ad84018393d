'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { newUrl, openSpace, sleep, syncmgr, until } = require('./helpers/setup.js');

const file = (url) => `/dev/shm/${url.replace('shm:', 'syncmgr.')}`;

describe('manager', () => {
  test('opens a segment and removes it when the last one leaves', async () => {
    const url = newUrl();
    const [one, other] = [openSpace(url), await openSpace(url)];
    assert.equal(one.url, url);
    assert.equal(inspect(one), `Manager "${url}"`);
    assert.equal(fs.existsSync(file(url)), true);
    one.close();
    assert.equal(one.closed, true);
    assert.equal(fs.existsSync(file(url)), true);
    other[Symbol.dispose]();
    assert.equal(fs.existsSync(file(url)), false);
    one.close();
    await one[Symbol.asyncDispose]();
    assert.equal(inspect(one), `Manager "${url}" (closed)`);
  });

  test('local spaces are private unless they have one name', () => {
    const [one, other] = [openSpace('local:'), openSpace('local:')];
    one.mutex('m').tryAcquire();
    assert.notEqual(other.mutex('m').tryAcquire(), null);
    const [here, there] = [openSpace('local:same'), openSpace('local:same')];
    here.mutex('m').tryAcquire();
    assert.equal(there.mutex('m').tryAcquire(), null);
  });

  test('the URL has the absolute name of the file of the store', () => {
    const [url, here] = [newUrl(), process.cwd()];
    const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'syncmgr-test-node-')));
    try {
      process.chdir(directory);
      const space = openSpace(`${url}?store=here.db`);
      process.chdir('/');
      assert.equal(space.url, `${url}?store=${directory}/here.db`);
      assert.equal(space.snapshot().space.store, `${directory}/here.db`);
      assert.equal(openSpace(space.url, { openOnly: true }).url, space.url);
      assert.throws(() => openSpace(`${url}?store=${directory}/there.db`),
        { code: 'ERR_SYNCMGR_MISMATCH', message: /here\.db.*there\.db/ });
      assert.throws(() => openSpace(`${url}?sync=1`),
        { code: 'ERR_SYNCMGR_NAME', message: /sync/ });
    } finally {
      process.chdir(here);
      fs.rmSync(directory, { recursive: true });
    }
  });

  test('openOnly, createOnly and persistent', () => {
    const url = newUrl();
    assert.throws(() => openSpace(url, { openOnly: true }), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    const space = openSpace(url, { createOnly: true, persistent: true });
    assert.throws(() => openSpace(url, { createOnly: true }), { code: 'ERR_SYNCMGR_EXISTS' });
    space.latch('l', 5).countDown();
    space.close();
    assert.equal(openSpace(url, { openOnly: true, persistent: true }).latch('l').count, 4);
    syncmgr.unlink(url);
    assert.equal(fs.existsSync(file(url)), false);
    assert.throws(() => syncmgr.unlink(url), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    assert.throws(() => syncmgr.unlink('local:x'), { code: 'ERR_SYNCMGR_NAME' });
  });

  test('a segment belongs to its user', () => {
    const url = newUrl();
    openSpace(url);
    assert.equal(fs.statSync(file(url)).mode & 0o777, 0o600);
    const shared = newUrl();
    openSpace(shared, { mode: 0o660, group: process.getgid() });
    assert.equal(fs.statSync(file(shared)).mode & 0o777, 0o660);
  });

  test('options are checked', () => {
    const url = newUrl();
    assert.throws(() => openSpace(url, { persist: true }), { message: /no option "persist"/ });
    assert.throws(() => openSpace(url, { persist: true }), TypeError);
    assert.throws(() => openSpace(url, { persistent: 1 }), TypeError);
    assert.throws(() => openSpace(url, { mode: '600' }), TypeError);
    assert.throws(() => openSpace(url, { mode: -1 }), RangeError);
    assert.throws(() => openSpace(url, { mode: 0o7777 }), { code: 'ERR_SYNCMGR_INVALID' });
    assert.throws(() => openSpace(url, null), TypeError);
    assert.equal(fs.existsSync(file(url)), false);
  });

  test('bad URLs and names get a sentence', () => {
    for (const url of ['', 'x', 'shm:', 'shm:.hidden', 'shm:a/b', `shm:${'n'.repeat(201)}`,
      'etcd://host', 'shm:a\0b', 'shm:\ud800']) {
      assert.throws(() => openSpace(url), { code: 'ERR_SYNCMGR_NAME', message: /./ });
    }
    for (const url of [undefined, null, 5, {}, ['shm:x']]) {
      assert.throws(() => syncmgr.open(url), TypeError);
    }
    const space = openSpace();
    const openers = [(name) => space.mutex(name), (name) => space.semaphore(name, 1),
      (name) => space.latch(name, 1), (name) => space.barrier(name, 1),
      (name) => space.event(name), (name) => space.workstream(name)];
    for (const open of openers) {
      for (const name of ['', 'a/b', 'a\nb', 'a\0b', '\ud800', 'n'.repeat(256), 'é'.repeat(128),
        'n'.repeat(100_000)]) {
        assert.throws(() => open(name), { name: 'NameError', code: 'ERR_SYNCMGR_NAME' });
      }
      for (const name of [null, 5, {}, Symbol('s'), ['m']]) {
        assert.throws(() => open(name), TypeError);
      }
    }
  });

  test('long names in any script work', async () => {
    const space = openSpace();
    for (const name of ['n'.repeat(255), 'é'.repeat(127), '锁', '🔒', ' ', '.']) {
      const mutex = space.mutex(name);
      const workstream = space.workstream(name);
      assert.equal(mutex.name, name);
      assert.equal(workstream.name, name);
      await workstream.mutex(name).acquire();
      assert.equal(mutex.holder.name, name);
    }
  });

  test('closing ends everything that was opened through it', async () => {
    const space = openSpace();
    const workstream = space.workstream('w');
    const mutex = space.mutex('m');
    const mine = workstream.mutex('m');
    const guard = await mine.acquire();
    const waits = [mutex.acquire(), space.semaphore('s', 1).acquire().then(() => 'permit'),
      space.event('e').wait(), space.latch('l', 1).wait(), space.barrier('b', 2).wait()];
    assert.equal(await waits[1], 'permit');
    space.close();
    for (const index of [0, 2, 3, 4]) {
      await assert.rejects(waits[index], { code: 'ERR_SYNCMGR_CLOSED' });
    }
    guard.release();
    for (const object of [workstream, mutex, mine]) assert.equal(object.closed, true);
    mutex.close();
    workstream.close();
    const uses = [() => space.mutex('m'), () => space.workstream(), () => space.cleanup(),
      () => space.check(), () => space.remove('mutex', 'm'), () => space.ref(),
      () => workstream.mutex('m'), () => mutex.tryAcquire()];
    for (const use of uses) assert.throws(use, { code: 'ERR_SYNCMGR_CLOSED' });
    space.unref();
  });

  test('objects can be removed when nobody has them open', () => {
    const space = openSpace();
    assert.throws(() => space.remove('mutex', 'm'), { code: 'ERR_SYNCMGR_NOT_FOUND' });
    const mutex = space.mutex('m');
    assert.throws(() => space.remove('mutex', 'm'), { code: 'ERR_SYNCMGR_BUSY' });
    mutex.close();
    assert.throws(() => space.remove('latch', 'm'), { code: 'ERR_SYNCMGR_TYPE' });
    space.remove('mutex', 'm');
    space.latch('m', 1);
    assert.throws(() => space.remove('queue', 'm'), RangeError);
    assert.throws(() => space.remove('toString', 'm'), RangeError);
    assert.throws(() => space.remove('mutex', 5), TypeError);
  });

  test('cleanup and check', () => {
    const space = openSpace();
    assert.equal(space.cleanup(), 0);
    assert.equal(space.check(), undefined);
  });
});

describe('workstream', () => {
  test('has a name and an id of its own', () => {
    const space = openSpace();
    const [named, unnamed] = [space.workstream('w'), space.workstream()];
    assert.equal(named.name, 'w');
    assert.match(unnamed.name, new RegExp(`^${process.pid}-`));
    assert.equal(typeof named.id, 'bigint');
    assert.notEqual(named.id, unnamed.id);
    assert.equal(named.manager, space);
    assert.equal(named.mutex('m').workstream, named);
    assert.equal(inspect(named), 'Workstream "w"');
    assert.throws(() => space.workstream('w'), { code: 'ERR_SYNCMGR_EXISTS' });
    named.close();
    assert.notEqual(space.workstream('w').id, named.id);
  });

  test('closing releases what it holds and ends its waits', async () => {
    const space = openSpace();
    const me = space.workstream('w');
    const [mutex, semaphore] = [me.mutex('m'), me.semaphore('s', 2)];
    const guard = await mutex.acquire();
    const permits = await semaphore.acquire(2);
    const waits = [me.event('e').wait(), me.latch('l', 1).wait()];
    me.close();
    me[Symbol.dispose]();
    for (const wait of waits) await assert.rejects(wait, { code: 'ERR_SYNCMGR_CLOSED' });
    assert.equal(guard.released, true);
    guard.release();
    permits.release();
    assert.throws(() => mutex.tryAcquire(), { code: 'ERR_SYNCMGR_CLOSED' });
    assert.throws(() => me.mutex('m'), { code: 'ERR_SYNCMGR_CLOSED' });
    assert.equal(space.semaphore('s', 2).available, 2);
    const next = space.mutex('m').tryAcquire();
    assert.equal(next.recovered, false);
    next.release();
  });

  test('the one of the manager itself can be closed, too', async () => {
    const space = openSpace();
    const mutex = space.mutex('m');
    await mutex.acquire();
    mutex.workstream.close();
    assert.equal(mutex.closed, true);
    assert.notEqual(space.mutex('m').tryAcquire(), null);
  });
});

describe('notices', () => {
  test('tell of workstreams that open and close', async () => {
    const url = newUrl();
    const [space, other] = [openSpace(url), openSpace(url)];
    const notices = [];
    const remember = (notice) => notices.push(notice);
    space.on('opened', remember).once('closed', remember);
    const workstream = other.workstream('w');
    const { id } = workstream;
    workstream.close();
    await until(() => notices.length >= 2, 'two notices');
    assert.deepEqual(notices.map((notice) => [notice.kind, notice.workstream, notice.pid]), [
      ['opened', id, process.pid],
      ['closed', id, process.pid],
    ]);
    space.off('opened', remember);
    other.workstream('x').close();
    await sleep(20);
    assert.equal(notices.length, 2);
  });

  test('tell of a hold that was taken away', async () => {
    const space = openSpace().ref();
    const me = space.workstream('w');
    const lost = new Promise((resolve) => { space.on('holdLost', resolve); });
    await me.mutex('m').acquire();
    space.mutex('m').forceRelease();
    const { kind, workstream, pid, object } = await lost;
    assert.deepEqual([kind, workstream, pid, object], ['holdLost', me.id, process.pid, 'm']);
  });

  test('listeners come and go', async () => {
    const space = openSpace();
    let count = 0;
    space.on('opened', () => { count += 1; });
    space.removeAllListeners();
    space.workstream('a');
    space.on('opened', () => { count += 10; });
    space.workstream('b');
    await until(() => count > 0, 'the second listener hears');
    assert.equal(count, 10);
    space.on('something else', () => {});
    space.removeAllListeners('opened');
    space.workstream('c');
    await sleep(20);
    assert.equal(count, 10);
  });

  test('a listener may close the space', async () => {
    const space = openSpace().ref();
    const closed = new Promise((resolve) => {
      space.on('opened', () => { space.close(); resolve(); });
    });
    const wait = space.event('e').wait();
    const outcome = assert.rejects(wait, { code: 'ERR_SYNCMGR_CLOSED' });
    space.workstream('w');
    await closed;
    await outcome;
  });
});
