'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { PATIENCE, newUrl, openSpace, syncmgr, until } = require('./helpers/setup.js');

const SHARED = { mode: 'shared', timeout: PATIENCE };

/** A space of its own and a peer that has come so far as to say `line`. */
async function beside(line, action, ...rest) {
  const url = newUrl();
  const space = openSpace(url);
  const peer = run(action, url, ...rest);
  assert.equal(await peer.line(), line);
  return { url, space, peer };
}

describe('when a process dies that held a readers-writer lock', () => {
  test('exclusively: all are told until somebody has had it exclusively', async () => {
    const { space, peer } = await beside('holds', 'hold-rwlock', 'exclusive');
    const lock = space.rwlock('r');
    const [holder] = lock.holders();
    assert.equal(holder.name, 'victim');
    assert.equal(holder.pid, peer.pid);
    const waits = [lock.lock(SHARED), lock.lock(SHARED)];
    await peer.kill();
    for (const wait of waits) {
      const reader = await wait;
      assert.equal(reader.recovered, true);
      assert.equal(reader.previousOwner.name, 'victim');
      assert.equal(reader.previousOwner.pid, peer.pid);
      reader.release();
    }
    const writer = await lock.lock();
    assert.equal(writer.recovered, true);
    writer.release();
    assert.equal((await lock.lock()).recovered, false);
    space.check();
  });

  test('a reader that is told and upgrades is told again, the next is not', async () => {
    const { space, peer } = await beside('holds', 'hold-rwlock', 'exclusive');
    const lock = space.rwlock('r');
    const wait = lock.lock(SHARED);
    await peer.kill();
    const guard = await wait;
    assert.equal(guard.recovered, true);
    await guard.upgrade();
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.name, 'victim');
    guard.release();
    assert.equal(lock.tryLock().recovered, false);
  });

  test('an heir that gives up in this moment passes the news on', async () => {
    const { space, peer } = await beside('holds', 'hold-rwlock', 'exclusive');
    const lock = space.rwlock('r');
    const controller = new AbortController();
    const waiting = lock.lock({ signal: controller.signal });
    peer.killNow();
    // The event loop does not run here, so the grant arrives without being seen.
    const end = Date.now() + PATIENCE;
    while (lock.holders()[0]?.pid !== process.pid) assert.ok(Date.now() < end, 'nobody inherits');
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    const guard = await lock.lock();
    assert.equal(guard.recovered, true);
    guard.release();
    assert.equal(lock.tryLock().recovered, false);
    space.check();
  });

  test('shared: the hold returns, and nobody is told', async () => {
    const { space, peer } = await beside('holds', 'hold-rwlock', 'shared');
    const lock = space.rwlock('r');
    assert.equal(lock.tryLock(), null);
    const wait = lock.lock({ timeout: PATIENCE });
    await peer.kill();
    const writer = await wait;
    assert.equal(writer.recovered, false);
    assert.equal(lock.previousOwner, null);
    writer.release();
    space.check();
  });

  test('and upgraded: others come in again', async () => {
    const { space, peer } = await beside('waits', 'upgrade-rwlock');
    assert.equal(await peer.line(), 'has it');
    const lock = space.rwlock('r');
    await peer.kill();
    assert.equal((await lock.lock({ timeout: PATIENCE })).recovered, true);
    lock.close();
  });

  test('that it was upgrading: others come in again', async () => {
    const { space, peer } = await beside('holds', 'hold-rwlock', 'shared');
    const lock = space.rwlock('r');
    await peer.kill();
    (await lock.lock({ timeout: PATIENCE })).release();
    const [mine, other] = [await lock.lock(SHARED), run('upgrade-rwlock', space.url)];
    assert.equal(await other.line(), 'waits');
    await until(() => lock.tryLock({ mode: 'shared' }) === null, 'no new readers come in');
    await other.kill();
    const reader = await lock.lock(SHARED);
    await assert.rejects(mine.upgrade({ timeout: 5 }), { name: 'TimeoutError' });
    reader.release();
    await mine.upgrade({ timeout: PATIENCE });
    mine.release();
    space.check();
  });
});

describe('when a process dies that had to do with a condition', () => {
  test('the mutex of a signalled waiter that died goes on, and so does the signal', async () => {
    const { space, peer } = await beside('waits', 'wait-condition');
    const [mutex, condition] = [space.mutex('m'), space.condition('c')];
    await until(() => condition.waiting === 1, 'the peer waits');
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    const other = mutex.tryAcquire();
    assert.equal(condition.signal(), 1);
    await peer.kill();
    other.release();
    await wait;
    assert.equal(guard.recovered, false);
    guard.release();
    space.check();
  });

  test('a waiter that died is not signalled', async () => {
    const { space, peer } = await beside('waits', 'wait-condition');
    const [mutex, condition] = [space.mutex('m'), space.condition('c')];
    await until(() => condition.waiting === 1, 'the peer waits');
    const guard = await mutex.acquire();
    const wait = condition.wait(guard);
    peer.killNow();
    assert.equal(condition.signal(), 1);
    await wait;
    assert.equal(condition.waiting, 0);
    guard.release();
    space.cleanup();
    space.check();
  });

  test('a signalled waiter in another process has the mutex', async () => {
    const { space, peer } = await beside('waits', 'wait-condition');
    await until(() => space.condition('c').waiting === 1, 'the peer waits');
    const guard = await space.mutex('m').acquire();
    space.condition('c').signal();
    guard.release();
    assert.equal(await peer.line(), 'signalled false');
    assert.equal(space.mutex('m').holder.pid, peer.pid);
    assert.equal(space.mutex('m').tryAcquire(), null);
    peer.go();
    assert.equal(await peer.line(), 'leaves');
    space.mutex('m').tryAcquire().release();
    await peer.kill();
  });

  test('who waits is told when the one dies who has the mutex', async () => {
    const { space, peer } = await beside('holds', 'hold-mutex');
    const [mutex, condition] = [space.mutex('m'), space.condition('c')];
    await peer.kill();
    const guard = await mutex.acquire({ timeout: PATIENCE });
    assert.equal(guard.recovered, true);
    const wait = condition.wait(guard);
    const other = run('hold-mutex', space.url);
    assert.equal(await other.line(), 'holds');
    condition.signal();
    await other.kill();
    await wait;
    assert.equal(guard.recovered, true);
    assert.equal(guard.previousOwner.pid, other.pid);
    guard.release();
    space.check();
  });
});

describe('when a process dies that leads', () => {
  test('the longest candidate is elected, with a term of its own', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const election = space.election('e');
    const first = run('lead', url);
    assert.equal(await first.line(), 'stands');
    const [word, term] = (await first.line()).split(' ');
    assert.equal(word, 'leads');
    assert.equal(election.leader.name, 'victim');
    assert.equal(election.leader.token, BigInt(term));
    const wait = election.campaign({ timeout: PATIENCE });
    await first.kill();
    const leadership = await wait;
    assert.equal(leadership.leader, true);
    assert.ok(leadership.term > BigInt(term));
    const next = run('lead', url);
    assert.equal(await next.line(), 'stands');
    leadership.finish('silver');
    assert.equal(await next.line(), 'result silver');
    await next.kill();
    space.check();
  });

  test('a candidate that died is passed over', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const election = space.election('e');
    const leadership = await election.campaign();
    const peer = run('lead', url);
    assert.equal(await peer.line(), 'stands');
    const wait = election.campaign({ timeout: PATIENCE });
    peer.killNow();
    leadership.resign();
    assert.equal((await wait).leader, true);
    space.cleanup();
    space.check();
  });

  test('what it began by once() is begun again', async () => {
    const { space, peer } = await beside('runs', 'once');
    const mine = syncmgr.once(space, 'o', () => 'mine', { timeout: PATIENCE });
    await peer.kill();
    assert.equal(await mine, 'mine');
    assert.equal(await syncmgr.once(space, 'o', () => 'later'), 'mine');
  });
});

describe('when a process ends', () => {
  test('a party of a phaser that died is a party no more', async () => {
    const { space, peer } = await beside('joined', 'join-phaser');
    const phaser = space.barrier('p', 0, { phaser: true });
    const party = phaser.join();
    assert.equal(phaser.state().parties, 2);
    await peer.kill();
    space.cleanup();
    assert.equal(phaser.state().parties, 1);
    assert.equal((await party.wait()).leader, true);
    space.check();
  });

  test('by process.exit(): only an exclusive hold that is left is a death', async () => {
    const url = newUrl();
    const space = openSpace(url);
    for (const [what, recovered] of
      [['reads', false], ['leads', false], ['waits', false], ['writes', true]]) {
      const peer = run('exit', url, what);
      assert.equal(await peer.line(), 'leaves');
      assert.deepEqual(await peer.exited, { code: 0, signal: null });
      const guard = await space.rwlock('r').lock({ timeout: PATIENCE });
      assert.equal(guard.recovered, recovered, what);
      guard.release();
      const mutex = await space.mutex('m').acquire({ timeout: PATIENCE });
      assert.equal(mutex.recovered, false);
      mutex.release();
      (await space.election('e').campaign({ timeout: PATIENCE })).resign();
    }
    space.check();
  });
});
