// The stage that asks models questions: what is right, intervals, gains, the table of answers; what was asked is not asked again.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SftSetup, sftSetup } from '../train/sft.testing.ts';
import { answersReport } from './answers-report.ts';
import { answers } from './index.ts';
import { given, runStage } from './stages.testing.ts';

let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await sftSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const questions = ['を', 'に', 'を', 'が'].map((answer, i) => ({
  prompt: [{ role: 'user' as const, content: `問${i}` }],
  answer,
}));
const said = (model: string, ...texts: string[]) => ({
  model,
  answers: texts.map((answer, i) => ({ answer, right: answer === questions[i]!.answer })),
});

it('counts what is right, against the first model and against always saying the same', () => {
  const found = [said('base', 'を', 'を', '吾\ufffd輩', 'x'), said('tuned', 'を', 'に', 'を', 'x')];
  const { metrics, tables } = answersReport(questions, found, 2);
  expect(metrics.map(({ name, value }) => [name, value])).toEqual([
    ['base: answers right', 0.25],
    ['tuned: answers right', 0.75],
    ['tuned: more answers right than base', 0.5],
  ]);
  const [right, some] = tables;
  const rounded = right!.rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? Number(cell.toFixed(3)) : cell)),
  );
  // Wilson of 1 in 4: 0.0456 … 0.6994; of 3 in 4 it is the mirror.
  expect(rounded[0]).toEqual(['always “を”', 0.5, null, null, null, null, null, 4]);
  expect(rounded[1]).toEqual(['base', 0.25, 0.046, 0.699, null, null, null, 4]);
  expect(rounded[2]!.slice(0, 5)).toEqual(['tuned', 0.75, 0.301, 0.954, 0.5]);
  const [low, high] = rounded[2]!.slice(5, 7) as [number, number];
  expect([low, high].every((bound) => bound >= 0 && bound <= 1) && low < high).toBe(true);
  expect(some!.columns).toEqual(['question', 'right answer', 'base', 'tuned']);
  expect(some!.rows).toEqual([
    ['問0', 'を', 'を', 'を'],
    ['問2', 'を', '吾輩 [left out: 1 place with bytes that are no character]', 'を'],
  ]);
});

it('asks models by their templates, and asks nobody twice', async () => {
  const rows = [
    { instruction: '猫は？', output: 'にゃあ' },
    { prompt: '吾輩は', completion: '猫' },
  ];
  writeFileSync(at('asked.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const model = given(at('base'));
  const inputs = { models: [model], examples: given(at('asked.jsonl')) };
  const config = { maxTokens: 3, shown: 2 };
  mkdirSync(at('asking'));
  const outcome = (await runStage(answers, config, inputs, at('asking'))) as ReturnType<typeof answersReport>;
  expect(outcome.metrics).toEqual([{ name: 'base: answers right', value: 0, unit: '' }]);
  expect(outcome.tables[1]!.rows.map(([question]) => question)).toEqual(['猫は？', '吾輩は']);
  const file = at('asking', 'results', 'base.json');
  const kept = JSON.parse(readFileSync(file, 'utf8'));
  expect(kept.answers).toHaveLength(2);

  kept.answers[1] = { answer: '猫', right: true };
  writeFileSync(file, JSON.stringify(kept));
  const again = (await runStage(answers, config, inputs, at('asking'))) as typeof outcome;
  expect(again.metrics[0]!.value).toBe(0.5); // what was kept, not what the model says
  rmSync(file);
  const limited = (await runStage(answers, { ...config, limit: 1 }, inputs, at('asking'))) as typeof outcome;
  expect(limited.tables[0]!.rows.at(-1)!.at(-1)).toBe(1);
  // An answer by its last number.
  writeFileSync(at('asked.jsonl'), `${JSON.stringify({ instruction: '一足す一は？', output: '答えはありません' })}\n`);
  await expect(runStage(answers, { rule: 'number' }, inputs, at('asking'))).rejects.toThrow('answer has no number');
}, 60_000);
