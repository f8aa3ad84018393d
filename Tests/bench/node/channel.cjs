'use strict';
// Cost of a message of 64 bytes from one Node to another, through `for await`.
//
// SPDX-License-Identifier: MIT
//
// channel.cjs ours|peer URL: another process sends messages, in batches of 64 through a queue, or
// one after the other by process.send(). Prints samples in microseconds a message, each of many.

const { fork } = require('node:child_process');
const path = require('node:path');
const syncmgr = require(
  path.join(__dirname, '..', '..', '..', 'bindings', 'node', 'lib', 'index.js'));

const MESSAGES = { ours: 600_000, peer: 60_000 };
const SAMPLES = 20;
const BATCH = 64;
const QUEUE = { capacity: 4096 };

/** The other process. */
const senders = {
  async ours(url) {
    const space = await syncmgr.open(url);
    const queue = space.workstream('sender').channel('queue', QUEUE);
    const batch = Array.from({ length: BATCH }, () => Buffer.alloc(64, 1));
    for (let sent = 0; sent < MESSAGES.ours; sent += BATCH) await queue.sendMany(batch);
    space.close();
  },

  async peer() {
    const message = Buffer.alloc(64, 1);
    for (let sent = 0; sent < MESSAGES.peer; sent++) {
      const hasRoom = process.send(message);
      if (!hasRoom) await new Promise(setImmediate);
    }
    process.disconnect();
  },
};

/** Hands each message to `take`. */
const receivers = {
  async ours(url, take) {
    const space = await syncmgr.open(url);
    const queue = space.workstream('receiver').channel('queue', QUEUE);
    const sender = fork(__filename, ['ours', url, 'sender']);
    for await (const message of queue) if (take(message.data)) break;
    await new Promise((resolve) => { sender.once('exit', resolve); });
    space.close();
  },

  async peer(url, take) {
    const sender = fork(__filename, ['peer', url, 'sender'], { serialization: 'advanced' });
    sender.on('message', take);
    await new Promise((resolve) => { sender.once('exit', resolve); });
  },
};

/** Returns a function that counts messages, and is true for the last one. */
function counter(total) {
  const many = total / SAMPLES;
  let count = 0;
  let start;
  return (data) => {
    if (data.length !== 64) throw new Error(`a message has ${data.length} bytes`);
    if (count % many === 0) {
      const end = process.hrtime.bigint();
      if (count > 0) console.log(`message ${Number(end - start) / many / 1000}`);
      start = end;
    }
    count += 1;
    return count === total;
  };
}

async function main() {
  const [how, url, role] = process.argv.slice(2);
  if (role === 'sender') await senders[how](url);
  else await receivers[how](url, counter(MESSAGES[how]));
}

main().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
