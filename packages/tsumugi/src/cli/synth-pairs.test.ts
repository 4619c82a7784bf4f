// `tsumugi synth pairs`: every option reaches the pairs, a plan writes nothing, a mistake is one sentence, and tsumugi dpo learns from them.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { type CopyingSetup, copyingPrompts, copyingSetup } from '../synth/pairs/copying.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: CopyingSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await copyingSetup();
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(at('few.jsonl'), lines(copyingPrompts.slice(0, 30)));
  const asked = ({ prompt, answer }: { prompt: string; answer: string }) => ({
    prompt: [{ role: 'user', content: prompt }],
    answer,
  });
  writeFileSync(at('asked.jsonl'), lines(copyingPrompts.slice(0, 30).map(asked)));
  writeFileSync(at('settings.json'), JSON.stringify({ seed: 5 }));
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

let made = 0;
const base = () => ['--model', at('base'), '--prompts', at('few.jsonl'), '--set', 'maxTokens=4'];
async function pairs(...words: string[]) {
  const out = at(`out${made++}`);
  const { code, stdout, stderr } = await runCli(['synth', 'pairs', ...words, '--out', out]);
  const file = `${out}/pairs/pairs.jsonl`;
  return { out, code, stdout, stderr, rows: existsSync(file) ? readFileSync(file, 'utf8') : '' };
}

it('gives each of its options an effect', { timeout: 120_000 }, async () => {
  const chat = () => [...base().slice(0, 2), '--prompts', at('asked.jsonl'), '--set', 'maxTokens=20', 'samples=12'];
  const changes: Record<string, [string[], string[]]> = {
    config: [base(), [...base(), '--config', at('settings.json')]],
    set: [base(), [...base(), 'seed=3']],
    model: [base(), [...base(), '--model', at('nothing'), '--set', 'maxTokens=64', 'samples=4']],
    prompts: [base(), [...base(), '--prompts', at('prompts.jsonl')]],
    template: [chat(), [...chat(), '--template', 'chatml']],
    plan: [base(), [...base(), '--plan']],
    json: [base(), [...base(), '--json']],
  };
  const { stdout: help } = await runCli(['synth', 'pairs', '--help']);
  const [, listed] = help.split('\nOptions:\n');
  const known = [...listed!.split('\n\n')[0]!.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag!);
  expect([...Object.keys(changes), 'out'].sort()).toEqual(known.sort());
  // Those that have much written are for `npm run test:long`.
  const long = inTime(['model', 'template'], ['']);
  for (const [option, [before, after]] of Object.entries(changes).filter(([option]) => !long.includes(option))) {
    const [one, two] = [await pairs(...before), await pairs(...after)];
    expect([one.stdout.replaceAll(one.out, ''), one.rows], option).not.toEqual([
      two.stdout.replaceAll(two.out, ''),
      two.rows,
    ]);
  }
});

it('tells in numbers what it would take, and writes nothing', async () => {
  const { stdout, code, out } = await pairs(...base(), '--plan', '--json');
  expect(code).toBe(0);
  const { prompts, read, write, seconds, memoryBytes, diskBytes } = JSON.parse(stdout);
  expect([prompts, write]).toEqual([30, 30 * 8 * 4]);
  expect(read).toBeGreaterThan(30 * 4);
  expect(Math.min(seconds, memoryBytes, diskBytes)).toBeGreaterThan(0);
  expect(existsSync(out)).toBe(false);
});

it('makes what tsumugi dpo learns from', { timeout: 60_000 }, async () => {
  const { out, code, stdout, stderr } = await pairs(...base());
  expect(code, stderr).toBe(0);
  expect(stdout).toContain(`→ ${out}/pairs`);
  expect(stderr).toMatch(/30 prompts: \d+ tokens to read, at most 960 to write, scored by number \(answer\)/);
  const settings = ['--set', 'steps=1', 'sequenceLength=32', '--out', at('better')];
  const learned = await runCli(['dpo', '--model', at('base'), '--data', `${out}/pairs`, ...settings]);
  expect(learned.code, learned.stderr).toBe(0);
});

it.each([
  [() => ['--prompts', at('few.jsonl')], 'model is missing'],
  [() => ['--model', at('base')], 'there are no prompts'],
  [() => ['--model', at('nowhere'), '--prompts', at('few.jsonl')], 'nowhere'],
  [() => [...base(), '--prompts', at('gone.jsonl')], 'gone.jsonl'],
  [() => [...base(), 'score=taste'], 'score'],
  [() => [...base(), 'judgeModel=x'], 'judgeModel has no effect with score=number'],
] as const)('refuses what cannot be, case %#', async (words, message) => {
  const { code, stderr, out } = await pairs(...words());
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
  expect(code).toBe(2);
  expect(existsSync(out)).toBe(false);
});
