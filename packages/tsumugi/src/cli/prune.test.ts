// The command line of pruning: what it writes, plans and refuses.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { Artefact } from '../store/index.ts';
import { runCli } from './cli.testing.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  vi.stubEnv('XDG_CACHE_HOME', small.at('cache'));
  small.make('model', 1);
  writeFileSync(small.at('猫.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(4));
});
afterAll(() => {
  vi.unstubAllEnvs();
  small[Symbol.dispose]();
});

const prune = (out: string, ...more: string[]) =>
  runCli(['prune', '--model', small.at('model'), '--out', small.at(out), '--text', small.at('猫.txt'), ...more]);

const set = ['--set', 'intermediate_size=24', '--set', 'sequences=2'];

it('plans without measuring or writing anything', async () => {
  const kept = () =>
    readdirSync(small.at()).concat(
      existsSync(small.at('cache')) ? readdirSync(small.at('cache'), { recursive: true }).map(String) : [],
    );
  const before = kept();
  const { code, stdout, stderr } = await prune('計画', '--plan', ...set);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^ {2}model +parameters +bytes +FLOPs per token\n {2}before .*\n {2}after .*\n {2}time {4}about .*\n {2}memory .* available\n {2}disk .* available, in .*計画\n$/,
  );
  const plan = JSON.parse((await prune('計画', '--plan', '--json', ...set)).stdout);
  expect(plan).toMatchObject({
    config: { intermediate_size: 24 },
    out: small.at('計画'),
    diskBytes: plan.after.bytes,
    seconds: expect.any(Number),
    memoryBytes: expect.any(Number),
  });
  expect((await prune('計画', '--plan', '--table', ...set)).stderr).toContain('--table has no effect');
  expect(kept()).toEqual(before);
});

it('prints the table without writing, then writes with the scores that were kept', async () => {
  const planned = await prune('小さい', '--table', ...set);
  expect([planned.code, planned.stderr]).toEqual([0, '']);
  expect(planned.stdout).toMatch(
    /^ {2}model +parameters +bytes +FLOPs per token +tokens\/s +loss\n {2}before .*\n {2}after .* about .*\n.*scores kept in .*\.json\n$/,
  );
  expect(existsSync(small.at('小さい'))).toBe(false);
  const { code, stdout } = await prune('小さい', ...set);
  expect(code).toBe(0);
  expect(stdout).toMatch(/scores from .*\.json\n56 tensors in .* → .*小さい\n$/);
  const answer = await runCli([
    'generate',
    '--model',
    small.at('小さい'),
    '--prompt',
    '猫',
    '--max-tokens',
    '3',
    '--json',
  ]);
  expect(JSON.parse(answer.stdout).ids).toHaveLength(3);
  expect(new Artefact(small.at('小さい')).lineage()!.commit).toMatch(/^[0-9a-f]{40}\+?$/);
  const json = JSON.parse((await prune('json', '--json', ...set)).stdout);
  expect(json).toMatchObject({
    kept: true,
    tensors: 56,
    folder: small.at('json'),
    rows: [{ model: 'before' }, { model: 'after' }],
  });
});

it('reads a folder of text as it is told, and says what it passed over', async () => {
  mkdirSync(small.at('folder'));
  writeFileSync(small.at('folder', 'rows.jsonl'), '{"body": "吾輩は猫である。名前はまだ無い。"}\n'.repeat(8));
  writeFileSync(small.at('folder', 'picture.png'), 'x');
  const words = ['prune', '--model', small.at('model'), '--out', small.at('of-folder'), '--text', small.at('folder')];
  const { code, stderr } = await runCli([...words, '--field', 'body', ...set]);
  expect([code, stderr]).toEqual([0, 'note: passed over in folders: 1 of other formats, 0 hidden\n']);
});

it.each([
  [['--set', 'hidden_sise=16'], 'Did you mean "hidden_size"?'],
  [['--set', 'hidden_size=640'], 'Use "tsumugi grow" for a larger one.'],
  [['--set', 'num_hidden_layers=3'], 'whole groups of 2'],
  [[], 'nothing is taken away'],
])('refuses %j in a sentence', async (more, message) => {
  const { code, stdout, stderr } = await prune('refused', ...more);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  expect(existsSync(small.at('refused'))).toBe(false);
});
