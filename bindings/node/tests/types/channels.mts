// What users write, for the compiler: it is never run. Here: channels, their messages and cells.
import { open, ChangedError, Channel, FullError, Loan, Memory, Message, TooLargeError, View }
  from 'syncmgr';
import type {
  Cell, CellType, ChannelKind, ChannelOptions, Data, Delivery, LetterOptions, Mailbox,
  MemoryOptions, Overflow, PublishOptions, ReplyOptions, SendOptions,
} from 'syncmgr';

const space = open('local:');
const me = space.workstream('me');

async function sends(): Promise<void> {
  const kind: ChannelKind = 'topics';
  const overflow: Overflow = 'dropOldest';
  const options: Required<ChannelOptions> = {
    kind, capacity: 4, inlineSize: 64, overflow, history: 3, priorities: true, retain: true,
    acknowledge: false, maxDeliveries: 3, visibility: 1000, deadLetters: 'dead',
  };
  const channel: Channel = me.channel('c', options);
  space.channel('c').close();
  // @ts-expect-error no kind of channel
  me.channel('c', { kind: 'stream' });
  const reply: Required<ReplyOptions> = {
    topic: 'a/b', priority: 'high', ttl: 10, metadata: { any: [1] }, correlation: 7n,
  };
  const letter: LetterOptions = { ...reply, target: ['a'], retain: true, self: true, return: true };
  const send: SendOptions = { ...letter, timeout: 5, signal: new AbortController().signal };
  const publish: PublishOptions = { ...send, length: 3 };
  const data: Data[] = ['text', new Uint8Array(3), new ArrayBuffer(3)];
  const { count, partial }: Delivery = await channel.send('x', send);
  const tried: Delivery | null = channel.trySend(data[0]!, letter);
  // @ts-expect-error it does not wait
  channel.trySend('x', { timeout: 5 });
  // @ts-expect-error numbers are no bytes
  await channel.send(5);
  const sent: number = await channel.sendMany(data, send);
  await lends(channel.loan(3), publish);
  const response: Message = await channel.call('x', send);
  channel.shut({ drain: true });
  show(count, partial, tried, sent, response.data);
}

async function lends(loan: Loan, options: PublishOptions): Promise<void> {
  loan.data.fill(loan.size);
  const delivery: Delivery = await loan.publish(options);
  loan.release();
  show(delivery, loan.released);
  loan[Symbol.dispose]();
}

async function receives(channel: Channel): Promise<void> {
  channel.subscribe('a/*', { last: 3 }).subscribe({ last: 3 }).subscribe().unsubscribe('a/*');
  const message: Message = await channel.recv({ timeout: 5 });
  const next: Message | null = channel.tryRecv();
  const several: Message[] = await channel.recvMany(5, { timeout: 5 });
  for await (const { data, text, sender, topic, metadata } of channel) {
    show(data.toString('hex'), text, sender, topic, metadata.x);
  }
  for await (const other of channel.messages({ timeout: 5 })) other.acknowledge();
  const { senderId, sequence, correlation, priority, ttl, wallNs } = message;
  const { deliveries, dropped, replyWanted, retained, history, returned } = message;
  show(senderId + sequence + correlation + wallNs, priority, ttl, deliveries + dropped);
  show(replyWanted, retained, history, returned, next, several);
  message.reject('no', { dead: true });
  message.reply('yes', { priority: 'low' });
  const view: View = await channel.view();
  show(view.data.length, view.released, view.sender);
  view.release();
  const heard = (one: Message) => show(one.text);
  channel.on('message', heard).once('close', () => {}).on('error', (error) => show(error.message));
  channel.off('message', heard).addListener('message', heard).removeListener('message', heard);
  // @ts-expect-error there is no such event
  channel.on('data', heard);
  const boxes: Mailbox[] = channel.mailboxes();
  show(channel.kind, boxes[0]?.waiting, boxes[0]?.undelivered);
  await channel[Symbol.asyncDispose]();
}

async function keeps(): Promise<void> {
  const options: MemoryOptions = { kind: 'memory', capacity: 3, inlineSize: 8 };
  const memory: Memory = me.channel('m', options);
  const type: CellType = 'int64';
  const version: bigint = memory.set('key', 5, { expected: 0, type });
  const set: bigint | null = memory.compareAndSet('key', version, { any: 'json' });
  const cell: Cell | null = memory.get('key');
  const cells: Map<string, Cell> = memory.snapshot(['key', 'other']);
  const changed: bigint = await memory.changed('key', version, { timeout: 5 });
  await memory.changed('key', { timeout: 5 });
  const region: Uint8Array = memory.region('r', 100);
  memory.remove('key', { expected: changed });
  // @ts-expect-error it has no messages
  memory.send('x');
  memory.shut();
  show(set, cell?.value, cells.get('key')?.version, region.length, memory.kind);
}

function says(error: unknown, value: unknown): string {
  for (const type of [Channel, Loan, Memory, Message, View]) if (value instanceof type) return 'it';
  if (error instanceof FullError || error instanceof TooLargeError) return error.code;
  return error instanceof ChangedError ? error.message : '';
}

declare function show(...values: unknown[]): void;
export { keeps, receives, says, sends };
