// Start as many of these as you like, in any language: they move money between three accounts, and
// whatever happens to them none is lost. `node store.mjs`
// Where the package is installed, its name is 'syncmgr'.
import { open } from '../../bindings/node/lib/index.mjs';

const accounts = ['accounts/a', 'accounts/b', 'accounts/c'];

const space = open('shm:jobs');
const store = space.store();
for (const account of accounts) await store.putIfAbsent(account, 100n);

for (const [index, source] of accounts.entries()) {
  const target = accounts[(index + 1) % accounts.length];
  // Others see both changes or none. When they were faster it is done anew.
  await store.transact(async (transaction) => {
    await transaction.update(source, (amount) => amount - 10n);
    await transaction.update(target, (amount) => amount + 10n);
  });
  console.log(`process ${process.pid} moved 10 from ${source} to ${target}`);
}

// All of one moment.
const total = store.range({ prefix: 'accounts/' }).reduce((sum, { value }) => sum + value, 0n);
console.log(`process ${process.pid} counts ${total}`);
space.close();
