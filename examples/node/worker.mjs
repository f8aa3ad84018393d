// Four of these work together, in any language, started in any order: `node worker.mjs`.
// Where the package is installed, its name is 'syncmgr'.
import { open } from '../../bindings/node/lib/index.mjs';

function repair() {
  console.log('the owner before died: looking at the data before using it');
}

const space = open('shm:jobs');

console.log(`process ${process.pid} waits for three others`);
const { index } = await space.barrier('start', 4).wait();

await space.mutex('db').run((hold) => {
  if (hold.recovered) {
    const dead = hold.previousOwner;
    console.log(`inherited from '${dead.name}' (pid ${dead.pid})`);
    repair();
  }
  console.log(`number ${index} uses the data, token ${hold.token}`);
});

await space.semaphore('printers', 2).run(() => {
  console.log(`number ${index} prints, with one other at most`);
});

const done = space.latch('done', 4);
done.countDown();
try {
  await done.wait({ timeout: 10_000 });
} catch (error) {
  if (error.code !== 'ERR_SYNCMGR_TIMEOUT') throw error;
  console.log('somebody did not finish');
}
space.close();
