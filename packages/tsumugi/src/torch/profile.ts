// TSUMUGI_PROFILE=file: a Chrome trace of the operators that TypeScript calls, each with its wall time (chrome://tracing and
// ui.perfetto.dev show it). Without it the addon is used as it is, so that a call costs nothing more.
//
// What backward runs inside libtorch is one span, but for segments that are made again. A GPU works on after a call
// has returned, so these are not its times.
import { closeSync, openSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { NativeModule } from '@tsumugi/native';
import { writingAt } from '../base/index.ts';

/** Calls that do work, besides operators, and their names in the trace. */
const timed = ['backward', 'grad', 'checkpoint', 'item', 'toBytes', 'fromBytes', 'free'] as const;
/** Spans that are written at a time. */
const chunk = 8192;
/** After so many milliseconds they are written in any case: whatever ends the process, the file lacks no more than these. */
const patience = 500;

/** A list of spans that is a complete JSON array after every write: each write goes over the bracket at the end. */
class Trace {
  readonly #file: number;
  #length = 0;
  #lines: string[] = [];
  #written = performance.now();

  constructor(path: string) {
    this.#file = openSync(path, 'w');
    const [program, ...args] = process.argv.slice(1);
    const name = [program ?? 'node', ...args].join(' ');
    this.#lines.push(JSON.stringify({ name: 'process_name', ph: 'M', pid: process.pid, args: { name } }));
    this.write();
  }

  add(name: string, category: string, began: number): void {
    const now = performance.now();
    const [ts, dur] = [began * 1000, (now - began) * 1000].map((micros) => micros.toFixed(1));
    const head = `{"name":${JSON.stringify(name)},"cat":"${category}","ph":"X","pid":${process.pid},"tid":1`;
    this.#lines.push(`${head},"ts":${ts},"dur":${dur}}`);
    if (this.#lines.length < chunk && now - this.#written < patience) return;
    this.write();
    this.add('write the profile', 'profile', now);
  }

  write(): void {
    this.#written = performance.now();
    if (this.#lines.length === 0) return;
    const start = this.#length === 0 ? '[\n' : ',\n';
    const bytes = Buffer.from(`${start}${this.#lines.join(',\n')}\n]\n`);
    this.#lines = [];
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#length + done);
    this.#length += bytes.length - '\n]\n'.length;
  }

  end(): void {
    this.write();
    closeSync(this.#file);
  }
}

/** Null until it is asked for. */
let trace: Trace | undefined | null = null;

/** The trace that TSUMUGI_PROFILE asks for. @throws UserError when it cannot be written */
function asked(): Trace | undefined {
  if (trace !== null) return trace;
  trace = undefined;
  const path = process.env['TSUMUGI_PROFILE'];
  if (!path || !isMainThread) return trace;
  // Two processes would write into one file: those that this one starts are not profiled.
  delete process.env['TSUMUGI_PROFILE'];
  trace = writingAt(path, () => new Trace(path));
  process.on('exit', () => {
    trace?.end();
    trace = undefined;
  });
  return trace;
}

/** `call` with its time noted, also when it throws; what it is called is asked for afterwards. */
function noted<A extends never[], T>(call: (...given: A) => T, category: string, nameOf: (...given: A) => string) {
  return (...given: A): T => {
    const began = performance.now();
    try {
      return call(...given);
    } finally {
      trace?.add(nameOf(...given), category, began);
    }
  };
}

/** The addon, with the time of every call noted when TSUMUGI_PROFILE names a file; otherwise as it is. */
export function profiled(addon: NativeModule): NativeModule {
  if (asked() === undefined) return addon;
  const names: string[] = [];
  const operatorName = (id: number) => (names[id] ??= addon.schema(id).split('(', 1)[0]!);
  const calls = Object.fromEntries(timed.map((name) => [name, noted(addon[name] as never, 'addon', () => name)]));
  return {
    ...addon,
    ...calls,
    call: noted(addon.call, 'operator', operatorName),
    run: noted(addon.run, 'operator', operatorName),
  };
}

/** `body()`, as a span of this name around its operators in the trace of TSUMUGI_PROFILE; without one, just `body()`. */
export function recordFunction<T>(name: string, body: () => T): T {
  return asked() === undefined ? body() : noted(body, 'user', () => name)();
}
