// What the other ranks write: lines of standard error with the rank before them, and the last lines of standard output for the case
// that the rank fails.
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A line that never ends is shown in pieces. */
const longestLine = 65_536;

/** Calls `take` with each line of the stream, without its end. */
export function eachLine(stream: Readable, take: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  const split = (text: string) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop()!;
    for (const line of lines) take(line);
    if (pending.length > longestLine) {
      take(pending);
      pending = '';
    }
  };
  stream.on('data', (bytes: Buffer) => split(decoder.write(bytes)));
  stream.on('end', () => {
    split(decoder.end());
    if (pending !== '') take(pending);
  });
  stream.on('error', () => {});
}

const keptLines = 20;

/** Passes on what a rank says. @returns what writes the end of its standard output */
export function passOn(rank: number, output: { stdout: Readable; stderr: Readable }, to: Writable): () => void {
  const kept: string[] = [];
  const say = (line: string) => void to.write(`[rank ${rank}] ${line}\n`);
  eachLine(output.stderr, say);
  eachLine(output.stdout, (line) => {
    kept.push(line);
    if (kept.length > keptLines) kept.shift();
  });
  return () => kept.forEach(say);
}
