// Readers take time in proportion to their input: eight times the text, far less than the 64-fold of a square.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { embeddedText } from './embedded.ts';
import { decode } from './encoding/decode.ts';
import { bytesSource } from './fixtures/toy.testing.ts';
import { readJsonLines } from './read-jsonl.ts';
import { splitText } from './split.ts';
import { Tokenizer, trainTokenizer } from './tokenizer/index.ts';

const SMALL = 2 ** 19;
const SENTENCE = '吾輩は猫である。名前はまだ無い。';
const textOf = (characters: number) => SENTENCE.repeat(Math.ceil(characters / SENTENCE.length));

/** CPU seconds of the process: other processes do not count. The least of three. */
async function seconds(body: () => Promise<unknown> | unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await body();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1e6);
  }
  return Math.min(...times);
}

async function* pieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += 4096) yield text.slice(at, at + 4096);
}

const tokenizer = Tokenizer.fromPieces(
  trainTokenizer([readFileSync(embeddedText()[1]!, 'utf8').slice(0, 20_000)], { vocabSize: 600 }),
);
const drain = (texts: AsyncIterable<unknown>) => Array.fromAsync(texts);

const readers: Readonly<Record<string, (text: string) => Promise<unknown> | unknown>> = {
  'one long JSON line': (text) => drain(readJsonLines('a.jsonl', pieces(JSON.stringify({ text })), 'text')),
  'one document of plain text': (text) => drain(splitText('a.txt', pieces(text), Number.POSITIVE_INFINITY)),
  'plain text cut into documents': (text) => drain(splitText('a.txt', pieces(text))),
  'detection and decoding': (text) => drain(decode(bytesSource(Buffer.from(text), 65_536))),
  'tokens of one document': (text) => tokenizer.encode(text, { safe: true }),
};

it.each(Object.entries(readers))('%s', async (_, read) => {
  await read(textOf(SMALL / 8));
  const small = await seconds(() => read(textOf(SMALL)));
  const large = await seconds(() => read(textOf(8 * SMALL)));
  expect(large).toBeLessThan(24 * Math.max(small, 0.004));
});
