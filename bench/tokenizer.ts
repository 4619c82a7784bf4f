// Speed of the tokenizer on one core: loading and encoding with 100,000 pieces, in many short lines and in one long line,
// and training 8,000 pieces. The text is 10 MB of Japanese documents where the shared corpus is present, otherwise the two
// novels of data/, repeated; the 100,000 pieces are its most frequent strings.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  byteText,
  type Piece,
  SPECIAL_NAMES,
  Tokenizer,
  TrainingText,
  trainTokenizer,
  writeTokenizer,
} from '../packages/tsumugi/src/text/tokenizer/index.ts';
import { Substrings } from '../packages/tsumugi/src/text/tokenizer/substrings.ts';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';

const VOCABULARY = 100_000;
const TRAINED = 8_000;

export async function run(context: Context): Promise<PartResult> {
  const { name, texts, heldOut } = readText(context.quick ? 1_000_000 : 10_000_000);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const lines = texts.flatMap((text) => text.split(/(?<=\n)/));
  const oneLine = texts.join('').replaceAll('\n', '　');
  const oneLineBytes = Buffer.byteLength(oneLine);

  context.log(`${(bytes / 1e6).toFixed(1)} MB of ${name}: counting strings for a large vocabulary`);
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-'));
  try {
    writeTokenizer(folder, frequentPieces(texts));
    const tokenizer = Tokenizer.load(folder);
    const samples = await interleave(context.quick ? 2 : 5, {
      load: () => 1e3 * seconds(() => void Tokenizer.load(folder)),
      lines: () => bytes / 1e6 / seconds(() => lines.forEach((line) => void tokenizer.encode(line))),
      oneLine: () => oneLineBytes / 1e6 / seconds(() => void tokenizer.encode(oneLine)),
    });
    context.log(`training ${TRAINED} pieces`);
    let trained: Tokenizer | undefined;
    const training = seconds(() => {
      trained = Tokenizer.fromPieces(trainTokenizer(texts, { vocabSize: TRAINED }));
    });
    const size = `${tokenizer.vocabSize.toLocaleString('en-US')} pieces`;
    const encoding = { unit: 'MB/s', better: 'higher', goal: { of: 'value', bound: 5 } } as const;
    const lengths = lines.map((line) => Buffer.byteLength(line)).sort((a, b) => a - b);
    return {
      rows: [
        row({
          name: `load ${size}`,
          unit: 'ms',
          better: 'lower',
          ours: samples.load,
          goal: { of: 'value', bound: 300 },
        }),
        row({ name: `encode ${lines.length.toLocaleString('en-US')} lines`, ours: samples.lines, ...encoding }),
        row({ name: 'encode all as one line', ours: samples.oneLine, ...encoding }),
        row({
          name: `train ${TRAINED.toLocaleString('en-US')} pieces`,
          unit: 's',
          better: 'lower',
          ours: [training],
          goal: { of: 'value', bound: 120 },
        }),
      ],
      notes: [
        `${(bytes / 1e6).toFixed(1)} MB of ${name}, the median line ${lengths[lengths.length >> 1]} bytes; one core`,
        `the trained pieces: ${trained!.density(heldOut).charactersPerToken.toFixed(2)} characters per token on held-out text`,
      ],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A vocabulary made without EM, which takes half a minute at this size: every character, then the most frequent strings. */
function frequentPieces(texts: string[]): Piece[] {
  const gathered = new TrainingText();
  for (const text of texts) gathered.add(text);
  const characters = gathered.characters().map(([text, count]) => ({ text, count }));
  const substrings = new Substrings(gathered.runs(), 16, 2).mostFrequent(VOCABULARY);
  substrings.sort((a, b) => b.count - a.count);
  const total = characters.reduce((sum, { count }) => sum + count, 0);
  const { unk, ...controls } = SPECIAL_NAMES;
  const fixed: Piece[] = [
    { text: unk, score: 0, type: 'UNKNOWN' },
    ...Object.values(controls).map((text): Piece => ({ text, score: 0, type: 'CONTROL' })),
    ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ];
  const normal = [...characters, ...substrings].map(
    ({ text, count }): Piece => ({ text, score: Math.log(count / total), type: 'NORMAL' }),
  );
  return [...fixed, ...normal].slice(0, VOCABULARY);
}

/** About `size` bytes of text, and text that is not in it. */
function readText(size: number): { name: string; texts: string[]; heldOut: string[] } {
  const documents = fileURLToPath(new URL('../../shared/corpus/ja-docs.jsonl.xz', import.meta.url));
  const unpacked = existsSync(documents) ? spawnSync('xz', ['-dc', documents], { maxBuffer: 2 ** 30 }) : undefined;
  if (unpacked?.status === 0) {
    const all = unpacked.stdout.toString().trimEnd().split('\n');
    const texts: string[] = [];
    const heldOut: string[] = [];
    let bytes = 0;
    all.forEach((line, k) => {
      const { text } = JSON.parse(line) as { text: string };
      if (k % 40 === 1) heldOut.push(text);
      if (k % 4 !== 0 || bytes >= size) return;
      texts.push(text);
      bytes += Buffer.byteLength(text);
    });
    return { name: 'Japanese documents', texts, heldOut };
  }
  const [wagahai, bocchan] = ['wagahai-wa-neko-de-aru.txt', 'bocchan.txt'].map((name) =>
    readFileSync(new URL(`../data/${name}`, import.meta.url), 'utf8'),
  ) as [string, string];
  const times = Math.ceil(size / Buffer.byteLength(wagahai));
  return { name: '吾輩は猫である, repeated', texts: Array<string>(times).fill(wagahai), heldOut: [bocchan] };
}
