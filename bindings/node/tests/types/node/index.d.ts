// What the declarations of the package use of @types/node, for machines that do not have it.

declare module 'node:events' {
  export class EventEmitter {
    on(event: string | symbol, listener: (...values: any[]) => void): this;
    once(event: string | symbol, listener: (...values: any[]) => void): this;
    off(event: string | symbol, listener: (...values: any[]) => void): this;
    emit(event: string | symbol, ...values: any[]): boolean;
  }
}

interface Buffer extends Uint8Array {
  toString(encoding?: string): string;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: any;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}
