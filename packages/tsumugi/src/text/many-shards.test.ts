// Thousands of shard files, mixed by weight, under a low limit of open files: every row is what it is with few files.
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.testing.ts';
import { LongBatches } from './long-packing.ts';
import { MappedFiles } from './mapped-files.ts';
import { prepare } from './prepare.ts';
import { TokenShards } from './shards.ts';

const folder = temporaryFolder();
const SHARDS = 800;
const MIX = [3, 1, 2];
const options = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 1, heldOutFraction: 0 };
const texts = Array.from({ length: SHARDS }, (_, i) => `文書その${i}です。`);

beforeAll(async () => {
  // A file for each document; and the same documents in one file.
  await prepare(toyCorpus(texts), folder.at('0'), { ...options, shardTokens: 1 });
  for (let i = 1; i < MIX.length; i++) cpSync(folder.at('0'), folder.at(String(i)), { recursive: true });
  await prepare(toyCorpus(texts), folder.at('one'), options);
});
afterAll(() => folder[Symbol.dispose]());

const rowsOf = (folders: readonly string[]) => {
  const mix = folders.map((each, i) => ({ shards: TokenShards.open(each), weight: MIX[i]! }));
  const batches = new LongBatches(mix, { sequenceLength: 64, batchSize: 8, seed: 3 });
  return Array.from({ length: 60 }, (_, step) => Array.from(batches.batch(step).tokens));
};

it('are read with few files open', () => {
  const many = MIX.map((_, i) => folder.at(String(i)));
  expect(TokenShards.open(many[0]!).manifest.shards.length).toBe(SHARDS);
  const script = `
    import { readdirSync } from 'node:fs';
    import { LongBatches } from ${JSON.stringify(fileURLToPath(new URL('long-packing.ts', import.meta.url)))};
    import { TokenShards } from ${JSON.stringify(fileURLToPath(new URL('shards.ts', import.meta.url)))};
    const mix = ${JSON.stringify(many)}.map((folder, i) => ({ shards: TokenShards.open(folder), weight: ${JSON.stringify(MIX)}[i] }));
    for (const { shards } of mix) await shards.verify();
    const batches = new LongBatches(mix, { sequenceLength: 64, batchSize: 8, seed: 3 });
    const rows = Array.from({ length: 60 }, (_, step) => Array.from(batches.batch(step).tokens));
    process.stdout.write(JSON.stringify({ rows, open: readdirSync('/proc/self/fd').length }));`;
  const command = `ulimit -n 64 && exec "$0" --input-type=module --eval "$1"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect([status, stderr]).toEqual([0, '']);
  const { rows, open } = JSON.parse(stdout) as { rows: number[][]; open: number };
  expect(open).toBeLessThan(64);
  expect(rows).toEqual(rowsOf(MIX.map(() => folder.at('one'))));
});

it('are mapped up to a limit over all folders, the latest used longest', () => {
  let [open, most] = [0, 0];
  const made: string[] = [];
  const map = (path: string) => {
    made.push(path);
    most = Math.max(most, ++open);
    const bytes = readFileSync(path);
    return { tokens: new Uint32Array(new Uint8Array(bytes).buffer), close: () => open-- };
  };
  const files = new MappedFiles(5);
  const [a, b] = ['0', '1'].map((name) => TokenShards.open(folder.at(name), { map, files })) as [
    TokenShards,
    TokenShards,
  ];
  for (let i = 0; i < SHARDS; i++) {
    for (const shards of [a, b]) expect(toyDecode(shards.documentTokens(i))).toBe(`^${texts[i]}`);
    a.documentTokens(0); // stays mapped, as it is used all the time
  }
  expect(most).toBe(5);
  expect(made.length).toBe(2 * SHARDS);
  a[Symbol.dispose]();
  b[Symbol.dispose]();
  expect(open).toBe(0);
});

it('may come from more folders than a byte counts', () => {
  const shards = TokenShards.open(folder.at('one'));
  const mix = Array.from({ length: 300 }, () => ({ shards, weight: 1 }));
  const batches = new LongBatches(mix, { sequenceLength: 64, batchSize: 300, seed: 3 });
  expect(batches.batch(0).predicted).toBeGreaterThan(0);
  expect(batches.epochsAt(1).every((epochs) => epochs > 0)).toBe(true);
});
