// A talker for Node, see channels.py.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { open } from '../../bindings/node/lib/index.mjs';

const timeout = 30_000;
const CELLS = { int: -5n, float: 1.5, text: '\u00e9', json: { a: [1] }, bytes: Buffer.of(0, 1) };

const [url, name] = process.argv.slice(2);

const pattern = (number) => Buffer.from(
  Array.from({ length: number * 300 }, (_, place) => (number * 7 + place) & 255));
const priorityOf = (number) => (number % 2 ? 'high' : 'low');

function isRight(message, sender) {
  const number = Number(message.correlation);
  return message.data.equals(pattern(number)) && message.topic === `t/${number}`
    && isDeepStrictEqual(message.metadata, { n: number, text: '\u00e9' })
    && message.sender === sender && message.priority === priorityOf(number);
}

const space = open(url);
const me = space.workstream(name);
let jobs;
let direct;
let topics;
let memory;

const steps = {
  open() {
    jobs = me.channel('jobs', { capacity: 64, acknowledge: true });
    direct = me.channel('calls', { kind: 'direct' });
    topics = me.channel('news', { kind: 'topics', retain: true });
    memory = me.channel('cells', { kind: 'memory' });
    return 0;
  },

  async send(count) {
    for (let number = 0; number < count; number += 1) {
      await jobs.send(pattern(number), {
        topic: `t/${number}`,
        correlation: number,
        priority: priorityOf(number),
        metadata: { n: number, text: '\u00e9' },
        timeout,
      });
    }
    return 0;
  },

  async take(count, sender) {
    let wrong = 0;
    const done = [];
    while (done.length < count) {
      const message = await jobs.recv({ timeout });
      const number = Number(message.correlation);
      if (!isRight(message, sender)) wrong += 1;
      if (number % 4 === 0 && message.deliveries === 1) {
        message.reject();
      } else {
        message.acknowledge();
        done.push(number);
      }
    }
    return wrong + done.filter((number, place) => number !== place).length;
  },

  async call(count, target) {
    let wrong = 0;
    for (let number = 0; number < count; number += 1) {
      const answer = await direct.call(pattern(number), { target, timeout });
      if (!answer.data.equals(pattern(number).reverse())
        || Number(answer.correlation) !== number * 2) wrong += 1;
    }
    return wrong;
  },

  async serve(count) {
    for (let number = 0; number < count; number += 1) {
      const message = await direct.recv({ timeout });
      message.reply(Buffer.from(message.data).reverse(), { correlation: number * 2 });
    }
    return 0;
  },

  async retain() {
    return (await topics.send('kept', { topic: 'a/state', retain: true, timeout })).count;
  },

  async publish(count) {
    let wrong = 0;
    for (let number = 0; number < count; number += 1) {
      const { count: reached } = await topics.send(
        pattern(number), { topic: `a/${number}/x`, timeout });
      if (reached !== 1) wrong += 1;
    }
    return wrong;
  },

  subscribe() {
    topics.subscribe('a/*/x');
    topics.subscribe('**/state');
    return 0;
  },

  async hear(count, sender) {
    const first = await topics.recv({ timeout });
    let wrong = first.text === 'kept' && first.topic === 'a/state' && first.retained ? 0 : 1;
    for (let number = 0; number < count; number += 1) {
      const message = await topics.recv({ timeout });
      if (!message.data.equals(pattern(number)) || message.topic !== `a/${number}/x`
        || message.sender !== sender) wrong += 1;
    }
    return wrong;
  },

  set() {
    for (const [key, value] of Object.entries(CELLS)) memory.set(key, value);
    return 0;
  },

  get() {
    const cells = memory.snapshot(Object.keys(CELLS));
    return Object.entries(CELLS).filter(
      ([key, value]) => !isDeepStrictEqual(cells.get(key)?.value, value)).length;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [step, ...words] = line.split(' ');
  const wrong = await steps[step](...words);
  writeSync(1, `${JSON.stringify([step, wrong])}\n`);
}
await space.close();
