'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { PATIENCE, newUrl, openSpace, until } = require('./helpers/setup.js');

describe('when a process dies', () => {
  test('the next owner of its mutex is told, and by whom', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    const peer = run('hold-mutex', url);
    assert.equal(await peer.line(), 'holds');
    const holder = mutex.holder;
    assert.equal(holder.name, 'victim');
    assert.equal(holder.pid, peer.pid);
    const waiting = mutex.acquire({ timeout: PATIENCE });
    await peer.kill();
    const guard = await waiting;
    assert.equal(guard.recovered, true);
    assert.deepEqual(guard.previousOwner, holder);
    assert.ok(guard.token > holder.token);
    guard.release();
    const next = await mutex.acquire();
    assert.equal(next.recovered, false);
    assert.equal(next.previousOwner, null);
    next.release();
    assert.equal(mutex.previousOwner.name, 'victim');
    space.check();
  });

  test('trying is enough to inherit the mutex', async () => {
    const url = newUrl();
    const mutex = openSpace(url).mutex('m');
    const peer = run('hold-mutex', url);
    assert.equal(await peer.line(), 'holds');
    assert.equal(mutex.tryAcquire(), null);
    await peer.kill();
    let guard = null;
    await until(() => (guard = mutex.tryAcquire()) !== null, 'the mutex is free');
    assert.equal(guard.recovered, true);
    guard.release();
  });

  test('who waited in line and died is passed over', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    const guard = await mutex.acquire();
    const peer = run('wait-mutex', url);
    assert.equal(await peer.line(), 'waits');
    const waiting = mutex.acquire({ timeout: PATIENCE });
    peer.killNow();
    guard.release();
    const next = await waiting;
    // Had it been granted to the dead one, this one would have been told of a death.
    assert.equal(next.recovered, false);
    next.release();
    space.cleanup();
    space.check();
  });

  test('an heir that gives up in this moment passes the news on', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    const peer = run('hold-mutex', url);
    assert.equal(await peer.line(), 'holds');
    const controller = new AbortController();
    const waiting = mutex.acquire({ signal: controller.signal });
    peer.killNow();
    // The event loop does not run here, so the grant arrives without being seen.
    const end = Date.now() + PATIENCE;
    while (mutex.holder?.pid !== process.pid) assert.ok(Date.now() < end, 'nobody inherits');
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    const guard = await mutex.acquire();
    assert.equal(guard.recovered, true);
    guard.release();
    mutex.tryAcquire().release();
    space.check();
  });

  test('its permits return', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const semaphore = space.semaphore('s', 3);
    const peer = run('hold-permits', url, 2);
    assert.equal(await peer.line(), 'holds');
    assert.equal(semaphore.available, 1);
    assert.equal(semaphore.holders()[0].pid, peer.pid);
    const waiting = semaphore.acquire(3, { timeout: PATIENCE });
    await peer.kill();
    const permits = await waiting;
    assert.equal(permits.count, 3);
    permits.release();
    assert.equal(semaphore.available, 3);
  });

  test('the barrier it waited in breaks for those who wait with it', async () => {
    const url = newUrl();
    const barrier = openSpace(url).barrier('b', 3);
    const peer = run('wait-barrier', url, 3);
    assert.equal(await peer.line(), 'waits');
    await until(() => barrier.state().waiting === 1, 'the peer waits');
    const waiting = barrier.wait({ timeout: PATIENCE });
    const broken = assert.rejects(waiting, { code: 'ERR_SYNCMGR_BROKEN' });
    await peer.kill();
    await broken;
    barrier.reset();
    assert.equal(barrier.state().broken, false);
  });

  test('its death is noticed, and cleanup finds nothing more', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const notices = [];
    for (const kind of ['opened', 'died']) space.on(kind, (notice) => notices.push(notice));
    const peer = run('hold-mutex', url);
    assert.equal(await peer.line(), 'holds');
    const { workstream } = space.mutex('m').holder;
    await until(() => notices.some((notice) => notice.workstream === workstream), 'it opened');
    await peer.kill();
    space.cleanup();
    await until(() => notices.some(({ kind }) => kind === 'died'), 'its death is noticed');
    assert.ok(notices.some((notice) => notice.kind === 'died' &&
      notice.workstream === workstream && notice.pid === peer.pid));
    assert.equal(space.cleanup(), 0);
    space.check();
  });

  test('process.exit() while holding is a death, else it leaves cleanly', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    for (const what of ['held', 'free']) {
      const peer = run('exit', url, what);
      assert.equal(await peer.line(), 'leaves');
      assert.deepEqual(await peer.exited, { code: 0, signal: null });
      const guard = await mutex.acquire({ timeout: PATIENCE });
      assert.equal(guard.recovered, what === 'held');
      guard.release();
    }
  });

  test('the last to leave removes the segment, also by process.exit()', async () => {
    const url = newUrl();
    const peer = run('exit', url, 'free');
    assert.equal(await peer.line(), 'leaves');
    await peer.exited;
    assert.equal(fs.existsSync(`/dev/shm/${url.replace('shm:', 'syncmgr.')}`), false);
  });
});

describe('two processes', () => {
  test('lose no count under one mutex, through the fast path and the line', async () => {
    const rounds = 25_000;
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'syncmgr-node-'));
    const file = path.join(directory, 'counter');
    fs.writeFileSync(file, Buffer.alloc(8));
    const url = newUrl();
    const space = openSpace(url);
    const mutex = space.mutex('m');
    const before = await mutex.run((guard) => guard.token);
    const peers = [run('hammer', url, file, rounds), run('hammer', url, file, rounds)];
    for (const peer of peers) assert.equal(await peer.line(), 'ready');
    for (const peer of peers) peer.go();
    for (const peer of peers) assert.equal(await peer.line(), 'done');
    assert.equal(fs.readFileSync(file).readBigUInt64LE(0), BigInt(2 * rounds));
    // Every grant had its own token: the fast path counts as the library does.
    const after = await mutex.run((guard) => guard.token);
    assert.equal(after - before, BigInt(2 * rounds + 1));
    space.check();
    fs.rmSync(directory, { recursive: true });
  });
});
