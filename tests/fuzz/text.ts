// The readers of text, each with inputs that are nearly right: encodings, JSON lines, compressed files, Parquet, manifests, chat
// templates, rows of conversations.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { decode } from '../../packages/tsumugi/src/text/encoding/decode.ts';
import { ENCODERS, KINDS, randomText } from '../../packages/tsumugi/src/text/encoding/random-text.testing.ts';
import { fingerprintOf } from '../../packages/tsumugi/src/text/fingerprint.ts';
import { bytesSource } from '../../packages/tsumugi/src/text/fixtures/toy.testing.ts';
import {
  builtInTemplate,
  jinjaTemplate,
  loadExamples,
  loadPairs,
  loadRated,
  readDocuments,
  readManifest,
  Tokenizer,
} from '../../packages/tsumugi/src/text/index.ts';
import { readJsonLines } from '../../packages/tsumugi/src/text/read-jsonl.ts';
import { golden } from '../files.ts';
import { damage, pick, type Target } from './fuzz.ts';
import { strangeJson } from './json.ts';

const totals = { documents: 2, characters: 9, bytes: 27, tokens: 8 };
const hash = 'a'.repeat(64);
const origin = {
  tokenizer: { sha256: hash, vocabSize: 300, bosId: 1 },
  seed: 0,
  heldOutFraction: 0.05,
  shardTokens: 100,
  sources: [{ path: 'a.txt', bytes: 27, sha256: hash, read: 'text' }],
  settings: { field: 'text', encoding: 'detected', documentCharacters: '4000' },
};
const manifest = {
  ...origin,
  format: 'tsumugi-token-shards',
  version: 1,
  fingerprint: fingerprintOf(origin),
  train: totals,
  heldOut: totals,
  duplicates: 0,
  empty: 0,
  shards: [{ file: 'tokens-00000.bin', tokens: 16, sha256: hash }],
  documents: hash,
};

/** Packed by xz -6: 吾輩は猫である。 and a newline. */
const xz = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAY5ZC+6Lyp44Gv54yr44Gn44GC44KL44CCCgAAAADteC6cJF9n9gABMRlZGrCCH7bzfQEAAAAABFla',
  'base64',
);
const text = Buffer.from('吾輩は猫である。名前はまだ無い。\n'.repeat(20));
const members: Readonly<Record<string, readonly Buffer[]>> = {
  'txt.gz': [gzipSync(text), gzipSync('あ'), gzipSync(text, { level: 0 })],
  'txt.zst': [
    zstdCompressSync(text),
    zstdCompressSync('あ'),
    Buffer.from('502a4d18030000006162630a', 'hex').subarray(0, 11),
  ],
  'txt.xz': [xz],
};
const fixture = (name: string) =>
  readFileSync(new URL(`../../packages/tsumugi/src/text/fixtures/${name}`, import.meta.url));

const { templates, cases } = JSON.parse(readFileSync(golden('chat/renderings.json'), 'utf8')) as {
  templates: Record<string, string>;
  cases: { messages: { role: 'user'; content: string }[]; addGenerationPrompt: boolean }[];
};
const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const [user, answer] = [
  { role: 'user', content: '猫は？' },
  { role: 'assistant', content: 'にゃあ', tool_calls: null, weight: 1, train: true },
];
/** Rows of every format, and who reads them. */
const chatRows: readonly (readonly [typeof loadExamples | typeof loadPairs | typeof loadRated, object])[] = [
  [loadExamples, { messages: [{ role: 'system', content: '短く' }, user, answer], tools: [] }],
  [loadExamples, { conversations: [{ from: 'human', value: '猫' }, { from: 'gpt', value: 'にゃあ' }], system: 's' }], // biome-ignore format: a row
  [loadExamples, { instruction: '訳せ', input: 'cat', output: '猫', history: [['a', 'b']] }],
  [loadExamples, { prompt: 'a', completion: 'b' }],
  [loadPairs, { prompt: [user], chosen: [answer], rejected: '…' }],
  [loadPairs, { chosen: [user, answer], rejected: [user, { role: 'assistant', content: 'わん' }] }],
  [loadRated, { prompt: [user], completion: [answer], label: true }],
];

/** What needs no file. */
function inMemory(
  name: string,
  read: (bytes: Buffer) => AsyncIterable<unknown>,
  make: (random: RandomStream) => Buffer,
): Target {
  return {
    name,
    async attempt(random) {
      for await (const _ of read(make(random)));
    },
  };
}

/** The targets, in a folder of their own that goes when they are disposed. */
export class TextReaders implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'tsumugi-fuzz-'));
  readonly targets: readonly Target[];

  constructor() {
    const at = (...names: string[]) => join(this.#home, ...names);
    mkdirSync(at('shards'));
    const parquet = ['snappy.parquet', 'zstd.parquet'].map(fixture);
    this.targets = [
      inMemory(
        'encodings',
        (bytes) => decode(bytesSource(bytes, 64)),
        (random) => {
          const whole = randomText(pick(random, ...KINDS), 1 + random.below(60), random);
          const bytes = ENCODERS[pick(random, ...Object.keys(ENCODERS))]!(whole) ?? Buffer.from(whole);
          return random.below(4) > 0 ? damage(random, bytes) : bytes;
        },
      ),
      inMemory(
        'JSON lines',
        (bytes) => readJsonLines('a.jsonl', decode(bytesSource(bytes, 64)), 'text'),
        (random) => {
          const rows = Array.from({ length: 1 + random.below(3) }, (_, id) => strangeJson(random, { text: '猫', id }));
          return Buffer.concat(rows.flatMap((row) => [row, Buffer.from(pick(random, '\n', '\n', '\r\n', '\n\n'))]));
        },
      ),
      ...Object.entries(members).map(([ending, parts]) =>
        this.#file(ending.slice(4), `a.${ending}`, (random) => {
          const whole = Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => pick(random, ...parts)));
          return random.below(4) > 0 ? damage(random, whole) : whole;
        }),
      ),
      this.#file('Parquet', 'a.parquet', (random) => {
        const whole = pick(random, ...parquet);
        return random.below(8) > 0 ? damage(random, whole) : whole;
      }),
      {
        name: 'manifest',
        async attempt(random) {
          writeFileSync(at('shards', 'manifest.json'), strangeJson(random, manifest));
          readManifest(at('shards'));
        },
      },
      {
        name: 'chat templates',
        attempt(random) {
          const source = damage(random, Buffer.from(pick(random, ...Object.values(templates)))).toString();
          const { messages, addGenerationPrompt } = pick(random, ...cases);
          jinjaTemplate({ name: 'damaged', source }).render(messages, { addGenerationPrompt });
        },
      },
      {
        name: 'rows of conversations',
        async attempt(random) {
          const [load, row] = pick(random, ...chatRows);
          const rows = [row, row].map((each) => strangeJson(random, each));
          writeFileSync(at('rows.jsonl'), rows.map((each) => `${each}\n`).join(''));
          await load([at('rows.jsonl')], { template: builtInTemplate('chatml')!, tokenizer, maxTokens: 10_000 });
        },
      },
    ];
  }

  /** Files of one kind, read to their end. */
  #file(name: string, file: string, make: (random: RandomStream) => Buffer): Target {
    const path = join(this.#home, file);
    const field = file.endsWith('parquet') ? 'content' : 'text';
    return {
      name,
      // A reader that goes round for ever is ended after ten seconds.
      ...(name === 'Parquet' && { maxMs: 60_000 }),
      async attempt(random) {
        writeFileSync(path, make(random));
        for await (const _ of readDocuments([path], { field }));
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}
