// What `using` calls, for compilers and engines that do not know it: the package defines it itself.

export {};

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}
