// Where a command reads and writes: the process's streams, or a test's. Results go to `stdout`, everything else to `stderr`.
import { isUtf8 } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { DataError } from '../base/index.ts';

export interface Input extends Readable {
  isTTY?: boolean;
}

export interface Output extends Writable {
  isTTY?: boolean;
  columns?: number;
}

export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** The process's own streams. Getters, because opening standard input has a cost and keeps the process alive. */
export const processIo: Io = {
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
};

/** Writes, and waits while the reader on the other side is behind. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (text === '' || stream.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error) => {
      stream.off('drain', done).off('error', done).off('close', done);
      if (error) reject(error);
      else resolve();
    };
    stream.once('drain', done).once('error', done).once('close', done);
  });
}

/** Whether it is a terminal that wants colours (https://no-color.org). */
export const hasColours = (stream: Output): boolean =>
  Boolean(stream.isTTY) && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

/** The dim colour on a terminal that wants colours (https://no-color.org), otherwise the text itself. */
export const dim = (stream: Output, text: string): string => (hasColours(stream) ? `\u001b[2m${text}\u001b[22m` : text);

/**
 * Text that a model wrote, fit for `stream`: on a terminal, control characters, which could move the cursor or change
 * settings, become their pictures (␛); a file or pipe gets the text itself.
 */
export function printable(stream: Output, text: string): string {
  if (!stream.isTTY) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** A line of input and its number, from 1. */
export interface Line {
  text: string;
  number: number;
}

const LINE_FEED = 0x0a;

/**
 * The lines of a stream of UTF-8, in groups: each group is what one read completed, so that a caller can answer a group at
 * once and a reader that waits for its answer is never kept waiting. Blank lines are left out, but counted.
 *
 * @throws DataError naming the first line that is not UTF-8
 */
export async function* readLines(stream: Readable): AsyncGenerator<Line[]> {
  let pending: Buffer[] = [];
  let number = 0;
  const split = (bytes: Buffer): Line[] => {
    const lines: Line[] = [];
    for (const text of decodeUtf8(bytes, number).split('\n')) {
      number++;
      if (text.trim() !== '') lines.push({ text, number });
    }
    return lines;
  };
  for await (const chunk of stream) {
    const bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end < 0) {
      pending.push(bytes);
      continue;
    }
    const lines = split(Buffer.concat([...pending, bytes.subarray(0, end)]));
    pending = [bytes.subarray(end + 1)];
    if (lines.length > 0) yield lines;
  }
  const last = split(Buffer.concat(pending));
  if (last.length > 0) yield last;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @param before lines that came before these bytes, for the error */
function decodeUtf8(bytes: Buffer, before: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    let line = before + 1;
    for (let start = 0; start <= bytes.length; line++) {
      const found = bytes.indexOf(LINE_FEED, start);
      const end = found < 0 ? bytes.length : found;
      if (!isUtf8(bytes.subarray(start, end))) break;
      start = end + 1;
    }
    throw new DataError('not-utf8', `line ${line} of standard input is not UTF-8`, {
      remedy: 'Convert the input to UTF-8 first.',
      fields: { line },
      cause,
    });
  }
}

/** All of a stream of UTF-8. @throws DataError when it is not UTF-8 */
export async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return decodeUtf8(Buffer.concat(chunks), 0);
}
