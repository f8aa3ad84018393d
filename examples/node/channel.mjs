// Start as many of these as you like, in any language: each has three jobs for whoever comes first,
// and does three. `node channel.mjs`
// Where the package is installed, its name is 'syncmgr'.
import { open } from '../../bindings/node/lib/index.mjs';

const space = open('shm:jobs');
const jobs = space.channel('jobs', { kind: 'queue', acknowledge: true });
for (const number of [1, 2, 3]) {
  await jobs.send(Buffer.from(`job ${number} of process ${process.pid}`));
}
for (let done = 0; done < 3; done += 1) {
  // Only when it is acknowledged it is gone: had this process died, somebody else would do it.
  const job = await jobs.recv();
  console.log(`process ${process.pid} does ${Buffer.from(job.data)}`);
  job.acknowledge();
}
space.close();
