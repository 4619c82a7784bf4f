// `tsumugi grpo` with each kind of reward: a rule over a field, a task's own score over its own prompts, a reward model.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { RunFolder, readEvents } from '../run/index.ts';
import { type GrpoSetup, grpoSetup } from '../train/grpo/grpo.testing.ts';
import { pairsOf } from '../train/preference/preference.testing.ts';
import { jsonLines } from '../train/sft.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: GrpoSetup;
const at = (...names: string[]) => setup.at(...names);
const sizes = ['steps=2', 'samples=2', 'maxTokens=4', 'sequenceLength=128', 'batchSize=2', 'evaluateEvery=0'];
const grpo = (out: string, ...more: string[]) => {
  const set = sizes.flatMap((each) => ['--set', each]);
  return runCli(['grpo', '--model', at('base'), '--out', at(out), ...set, ...more]);
};
beforeAll(async () => {
  setup = await grpoSetup();
  // A task that answers in digits: its samples are its own.
  const library = fileURLToPath(new URL('../eval/index.ts', import.meta.url));
  writeFileSync(
    at('length.ts'),
    `import { generateTask } from ${JSON.stringify(library)};
export default generateTask({
  name: 'length', version: 1, summary: 'short answers', metric: 'short', wording: '{n}',
  load: () => ({ samples: Array.from({ length: 25 }, (_, n) => ({ id: 'n' + n, n })) }),
  prompt: ({ n }) => n + 'は？',
  reference: ({ n }) => String(n),
  decoding: { maxTokens: 4 },
  score: (_, text) => ({ short: 1 / (1 + text.length) }),
});
`,
  );
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

const rewardsOf = (out: string) =>
  readEvents(at(out, 'events.jsonl')).flatMap((event) =>
    event.type === 'step' ? [(event.metrics as Record<string, number>)['reward']!] : [],
  );

it('by a rule over a field of the rows', async () => {
  const digits = Array.from({ length: 10 }, (_, i) => `${i}`);
  writeFileSync(
    at('digits.jsonl'),
    jsonLines(
      pairsOf()
        .slice(0, 30)
        .map(({ prompt }) => ({ prompt, right: digits })),
    ),
  );
  const data = ['--data', at('digits.jsonl')];
  const { code, stdout, stderr } = await grpo('ruled', ...data, '--set', 'field=right');
  expect(stderr).toContain('scorer: number (right)');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^mean reward on held-out prompts from \d\.\d{3} to \d\.\d{3} → .*ruled.model\n$/);
  expect(RunFolder.open(at('ruled')).config).toMatchObject({ score: 'number', field: 'right' });
  const wrong = await grpo('wrong', ...data);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('digits.jsonl, row 1: answer should be')]);
  expect(existsSync(at('wrong'))).toBe(false);
}, 60_000);

it('by a task, whose samples are the prompts', async () => {
  const { code, stderr } = await grpo('tasked', '--task', at('length.ts'));
  expect(code, stderr).toBe(0);
  expect(rewardsOf('tasked').every((reward) => reward > 0.05 && reward <= 1)).toBe(true);
  const { data } = RunFolder.open(at('tasked')).config as { data: string[] };
  expect(JSON.parse(readFileSync(data[0]!, 'utf8').split('\n')[3]!)).toEqual({ id: 'n3', prompt: '3は？' });
  const wrong = await grpo('wrong', '--task', at('length.ts'), '--data', at('prompts.jsonl'));
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('prompts.jsonl, row 1: length has no sample'),
  ]);
}, 60_000);

it('by a reward model', async () => {
  writeFileSync(at('pairs.jsonl'), jsonLines(pairsOf().slice(0, 30)));
  const judged = ['steps=1', 'batchSize=2', 'sequenceLength=128'].flatMap((each) => ['--set', each]);
  const made = await runCli([
    'reward',
    '--model',
    at('base'),
    '--data',
    at('pairs.jsonl'),
    '--out',
    at('judge'),
    ...judged,
  ]);
  expect(made.code, made.stderr).toBe(0);
  const data = ['--data', at('prompts.jsonl')];
  const { code, stderr } = await grpo('judged', ...data, '--reward-model', at('judge', 'model'), '--lora', '2');
  expect(code, stderr).toBe(0);
  expect(new Set(rewardsOf('judged')).size).toBe(2);
  expect(existsSync(at('judged', 'model', 'model.safetensors'))).toBe(true); // the adapters are merged
  const wrong = await grpo('wrong', ...data, '--reward-model', at('base'));
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('base is no reward model')]);
}, 60_000);

it('over a base of few bits, with adapters, as the reward model is made', async () => {
  const base = at('eight-bits');
  const few = ['--method', 'rtn', '--bits', '8', '--group-size', '16'];
  expect((await runCli(['quantize', '--model', at('base'), '--out', base, ...few])).code).toBe(0);
  writeFileSync(at('few.jsonl'), jsonLines(pairsOf().slice(0, 20)));
  const judged = ['steps=1', 'batchSize=2', 'sequenceLength=128'].flatMap((each) => ['--set', each]);
  const lora = ['--lora', '2'];
  const made = await runCli([
    'reward',
    '--model',
    base,
    '--data',
    at('few.jsonl'),
    '--out',
    at('few'),
    ...judged,
    ...lora,
  ]);
  expect(made.code, made.stderr).toBe(0);
  const data = ['--data', at('prompts.jsonl'), '--reward-model', at('few', 'model')];
  const { code, stderr } = await grpo('over-few', '--model', base, ...data, ...lora);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('the base is quantized');
  const whole = await grpo('whole', '--model', base, ...data);
  expect([whole.code, whole.stderr]).toEqual([2, expect.stringContaining('cannot be trained whole')]);
}, 60_000);

it.each([
  [['--set', 'score=reward'], 'score=reward needs rewardModel'],
  [['--set', 'task=x'], 'task has no effect with score=number'],
  [['--set', 'score=task', '--set', 'field=x', '--set', 'task=y'], 'field has no effect with score=task'],
  [['--task', 'particle-cloze'], 'particle-cloze cannot score an answer'],
])('refuses %j', async (more, problem) => {
  const { code, stderr } = await grpo('refused', '--data', at('prompts.jsonl'), ...more);
  expect([code, stderr]).toEqual([2, expect.stringContaining(problem)]);
  expect(existsSync(at('refused'))).toBe(false);
});

it('plans without an answer', async () => {
  const { code, stdout, stderr } = await grpo('planned', '--data', at('prompts.jsonl'), '--plan', '--json');
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ steps: 2 });
  expect(stderr).toContain('2 answers of at most 4 tokens to each of 2 prompts, for 1 step');
  expect(existsSync(at('planned'))).toBe(false);
});
