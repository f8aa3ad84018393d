'use strict';
// The names of the methods that `using` and `await using` call. Engines without them get the
// same symbols that compilers of such code fall back to.

for (const name of ['dispose', 'asyncDispose']) {
  if (Symbol[name] === undefined) {
    Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
  }
}

exports.dispose = Symbol.dispose;
exports.asyncDispose = Symbol.asyncDispose;
exports.inspect = Symbol.for('nodejs.util.inspect.custom');
