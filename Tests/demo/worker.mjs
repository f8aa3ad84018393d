// The worker of the demo and of the pairs, for Node. It opens a space, does the steps that arrive
// on standard input, one a line, and reports each on standard output as a line of JSON. workers.py
// says what the steps are; worker.c, worker.py and worker.swift are the same program.
import { openSync, readSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from '../../bindings/node/lib/index.mjs';

const SEATS = 16;
const BURST = 100;
// Longer than anything here takes, and shorter than the parent's patience.
const timeout = 30_000;

const [url, name, directory, manner] = process.argv.slice(2);
const number = (text) => (text === 'any' ? undefined : Number(text));

// One write for each line, at once: the line must be out before the step after it blocks or dies.
function report(event, more = {}) {
  const time = Number(process.hrtime.bigint());
  writeSync(1, `${JSON.stringify({ event, time_ns: time, ...more })}\n`);
}

// Node maps no files, so it reads and writes them; both see the same pages.
const counterFile = openSync(`${directory}/counter`, 'r+');
const seatsFile = openSync(`${directory}/seats`, 'r+');
const counter = new BigUint64Array(1);
const counterBytes = new Uint8Array(counter.buffer);
const seats = Buffer.alloc(SEATS);

function counted() {
  readSync(counterFile, counterBytes, 0, 8, 0);
  return counter[0];
}

function addOne() {
  counter[0] = counted() + 1n;
  writeSync(counterFile, counterBytes, 0, 8, 0);
}

function changeSeat(seat) {
  const byte = Buffer.alloc(1);
  readSync(seatsFile, byte, 0, 1, seat);
  byte[0] += 1;
  writeSync(seatsFile, byte, 0, 1, seat);
}

// A seat is odd while its process is inside. Two equal readings in a row are one true picture:
// every entry and every exit changes a byte.
function insideNow() {
  let before;
  do {
    before = Buffer.from(seats);
    readSync(seatsFile, seats, 0, SEATS, 0);
  } while (!before.equals(seats));
  return seats.reduce((inside, seat) => inside + (seat & 1), 0);
}

const held = [];

const steps = {
  async meet(barrierName, parties) {
    const barrier = me.barrier(barrierName, number(parties));
    report('arriving');
    let [index, broken] = [0, false];
    try {
      ({ index } = await barrier.wait({ timeout }));
    } catch (error) {
      if (error.code !== 'ERR_SYNCMGR_BROKEN') throw error;
      broken = true;
    }
    report('met', { broken, index });
    barrier.close();
  },

  async count(mutexName, rounds) {
    const mutex = me.mutex(mutexName);
    for (let round = 0; round < Number(rounds); round++) {
      const guard = await mutex.acquire({ timeout });
      addOne();
      guard.release();
      // Or the fast languages would be done before the slow ones have begun.
      if (round % BURST === BURST - 1) await sleep(1);
    }
    report('counted');
    mutex.close();
  },

  async share(semaphoreName, permits, rounds, seat) {
    const semaphore = me.semaphore(semaphoreName, number(permits));
    let most = 0;
    for (let round = 0; round < Number(rounds); round++) {
      const guard = await semaphore.acquire({ timeout });
      changeSeat(Number(seat));
      most = Math.max(most, insideNow());
      await sleep(1);
      most = Math.max(most, insideNow());
      changeSeat(Number(seat));
      guard.release();
    }
    report('shared', { most });
    semaphore.close();
  },

  async finish(latchName, count) {
    const latch = me.latch(latchName, number(count));
    report('finished', { remaining: latch.countDown(1) });
    latch.close();
  },

  async await(latchName, count) {
    const latch = me.latch(latchName, number(count));
    await latch.wait({ timeout });
    report('opened');
    latch.close();
  },

  async signal(eventName) {
    const event = me.event(eventName);
    event.set();
    report('signalled');
    event.close();
  },

  async pass(sourceName, targetName, rounds) {
    const [source, target] = [me.event(sourceName), me.event(targetName)];
    for (let round = 0; round < Number(rounds); round++) {
      await source.wait({ timeout });
      target.set();
    }
    report('passed');
    source.close();
    target.close();
  },

  // The handles stay open: the worker is to be killed with all of this in its hands.
  async hold(mutexName, semaphoreName, barrierName) {
    held.push(await me.mutex(mutexName).acquire({ timeout }));
    held.push(await me.semaphore(semaphoreName).acquire({ timeout }));
    held.push(me.barrier(barrierName));
    report('holding');
  },

  async inherit(mutexName) {
    const mutex = me.mutex(mutexName);
    report('trying');
    const guard = await mutex.acquire({ timeout });
    report('locked');
    const { recovered, previousOwner: previous } = guard;
    guard.release();
    report('inherited', { recovered, previous: previous.name, pid: previous.pid });
    mutex.close();
  },

  async cross(firstName, secondName, hall) {
    const [first, second] = [me.mutex(firstName), me.mutex(secondName)];
    const barrier = me.barrier(hall, 2);
    let [victim, told] = [false, false];
    await first.run(async () => {
      await barrier.wait({ timeout });
      try {
        await second.run(() => {}, { timeout });
      } catch (error) {
        if (error.code !== 'ERR_SYNCMGR_DEADLOCK') throw error;
        [victim, told] = [true, error.message.includes(firstName) &&
          error.message.includes('held by')];
      }
    }, { timeout });
    report('crossed', { victim, told });
    for (const thing of [barrier, first, second]) thing.close();
  },

  async review(lockName, rounds) {
    const lock = me.rwlock(lockName);
    let torn = 0;
    for (let round = 0; round < Number(rounds); round++) {
      await lock.write(addOne, { timeout });
      await lock.read(async () => {
        const before = counted();
        await sleep(1);
        if (counted() !== before) torn += 1;
      }, { timeout });
    }
    report('reviewed', { torn });
    lock.close();
  },

  async write(lockName) {
    held.push(await me.rwlock(lockName).lock({ timeout }));
    report('writing');
  },

  async read(lockName) {
    const lock = me.rwlock(lockName);
    report('read', { recovered: await lock.read((guard) => guard.recovered, { timeout }) });
    lock.close();
  },

  async bounce(mutexName, conditionName, rounds, side) {
    const [mutex, condition] = [me.mutex(mutexName), me.condition(conditionName)];
    for (let round = 0; round < Number(rounds); round++) {
      await mutex.run(async (guard) => {
        await condition.waitFor(guard, () => counted() % 2n === BigInt(side), { timeout });
        addOne();
        condition.signal();
      }, { timeout });
    }
    report('bounced');
    condition.close();
    mutex.close();
  },

  // The handle stays open: closing it would be to resign.
  async stand(electionName) {
    const election = me.election(electionName);
    held.push(election);
    report('standing');
    const { leader, term, result } = await election.campaign({ timeout });
    report('elected', leader ? { leader, term: Number(term) }
      : { leader, result: result.toString() });
  },

  async publish(electionName, result) {
    const election = me.election(electionName);
    election.finish(result);
    report('published');
    election.close();
  },
};

const flags = { create: { createOnly: true }, join: { openOnly: true } }[manner] ?? {};
const space = open(url, flags);
const me = space.workstream(name);
report('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.trim().split(/\s+/);
  if (verb) await steps[verb](...rest);
}
space.close();
