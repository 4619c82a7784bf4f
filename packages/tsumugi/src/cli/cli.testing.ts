// For tests: runs the command line inside the test's process, with strings for its streams.
import { Readable, Writable } from 'node:stream';
import type { Input, Io, Output } from './io.ts';
import { main } from './main.ts';

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Streams that read `chunks` and collect what is written. */
export function testIo(chunks: Iterable<string | Uint8Array>): Io & { written: { stdout: string; stderr: string } } {
  const written = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr') =>
    new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
  return {
    stdin: Readable.from(chunks, { objectMode: false }) as Input,
    stdout: collect('stdout') as Output,
    stderr: collect('stderr') as Output,
    written,
  };
}

/** `tsumugi …argv` with `stdin` as its standard input. */
export async function runCli(
  argv: readonly string[],
  stdin: string | Iterable<string | Uint8Array> = '',
): Promise<Outcome> {
  const io = testIo(typeof stdin === 'string' ? [stdin] : stdin);
  const code = await main(argv, io);
  return { code, ...io.written };
}
