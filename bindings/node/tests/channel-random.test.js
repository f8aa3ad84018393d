'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { openSpace, randomNumbers } = require('./helpers/setup.js');

const PRODUCERS = 3;
const CONSUMERS = 3;
const EACH = 1500;

/** Every way to send the next messages of a producer. Each returns how many were sent. */
const SENDS = {
  async send(channel, next, given) {
    await channel.send(next(0), given);
    return 1;
  },
  async trySend(channel, next) {
    return channel.trySend(next(0)) === null ? 0 : 1;
  },
  async sendMany(channel, next, given) {
    return channel.sendMany([next(0), next(1), next(2), next(3), next(4)], given);
  },
  async inOrder(channel, next, given) {
    const sends = [channel.send(next(0), given), channel.send(next(1)), channel.send(next(2))];
    const [first] = await Promise.allSettled(sends);
    await Promise.all(sends.slice(1));
    // The others did not wait for what was given up.
    if (first.status === 'rejected') throw Object.assign(first.reason, { sent: [1, 2] });
    return 3;
  },
  async publish(channel, next, given) {
    const loan = channel.loan(100);
    try {
      const length = loan.data.write(next(0));
      await loan.publish({ ...given, length });
      return 1;
    } finally {
      loan.release();
    }
  },
};

/** Every way to receive. Each hands what it got to `take`. */
const RECEIVES = {
  async recv(channel, take, given) {
    take(await channel.recv(given));
  },
  async several(channel, take, given) {
    const waits = [channel.recv(given), channel.recv({ timeout: 5 }), channel.recv({ timeout: 1 })];
    const messages = (await Promise.allSettled(waits)).map((wait) => wait.value ?? []).flat();
    messages.sort((one, other) => Number(one.sequence - other.sequence)).forEach(take);
  },
  async tryRecv(channel, take) {
    const message = channel.tryRecv();
    if (message !== null) take(message);
  },
  async recvMany(channel, take, given) {
    (await channel.recvMany(4, given)).forEach(take);
  },
  async view(channel, take, given) {
    const view = await channel.view(given);
    take(view);
    view.release();
  },
  async loop(channel, take, given, count) {
    for await (const message of channel.messages(given)) {
      take(message);
      if ((count -= 1) <= 0) break;
    }
  },
  async listen(channel, take, given, count) {
    channel.on('message', take);
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
    channel.off('message', take);
  },
};

describe('however they send and receive, time out and abort', () => {
  for (const capacity of [1, 3, 64]) {
    test(`every message comes once and in order, with room for ${capacity}`, async () => {
      const random = randomNumbers();
      const space = openSpace();
      const any = (table) => Object.values(table)[random(Object.keys(table).length)];

      /** Options of a wait: some are aborted before, while or after it ends. */
      const given = () => {
        const choice = random(4);
        if (choice === 0) return { timeout: random(3) };
        if (choice > 1) return { timeout: 2000 };
        const controller = new AbortController();
        const turns = random(4);
        (async () => {
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          controller.abort();
        })();
        return { signal: controller.signal };
      };
      const isExpected = (error) => {
        if (error.name !== 'TimeoutError' && error.name !== 'AbortError') throw error;
      };

      const produce = async (producer) => {
        const channel = space.workstream(`p${producer}`).channel('c', { capacity });
        const left = Array.from({ length: EACH }, (_, index) => String(index));
        const next = (place) => left[place] ?? 'end';
        while (left.length > 0) {
          const send = left.length < 5 ? SENDS.send : any(SENDS);
          try {
            left.splice(0, await send(channel, next, given()));
          } catch (error) {
            isExpected(error);
            // What was given up is sent again, after those behind it: its order is lost.
            if (error.sent !== undefined) left.splice(1, 2);
          }
        }
      };

      let received = 0;
      const seen = Array.from({ length: PRODUCERS }, () => new Map());
      const consume = async (consumer) => {
        const channel = space.workstream(`c${consumer}`).channel('c', { capacity });
        const last = new Map();
        const take = (message) => {
          const { sender, text } = message;
          const times = seen[Number(sender[1])];
          times.set(text, (times.get(text) ?? 0) + 1);
          const sequence = last.get(sender) ?? 0n;
          assert.ok(message.sequence > sequence, `${sender} sent ${text} before`);
          last.set(sender, message.sequence);
          received += 1;
        };
        while (received < PRODUCERS * EACH) {
          try {
            await any(RECEIVES)(channel, take, given(), random(20) + 1);
          } catch (error) {
            isExpected(error);
          }
          await new Promise(setImmediate);
        }
      };
      await Promise.all([...Array(PRODUCERS).keys()].map(produce)
        .concat([...Array(CONSUMERS).keys()].map(consume)));
      for (const times of seen) {
        assert.equal(times.size, EACH);
        for (const [text, count] of times) assert.equal(count, 1, text);
      }
      space.check();
    });
  }
});
