// The experiment on sums: problems and answers, the entropy of answers, and a run that goes on where it was.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RandomStream } from 'tsumugi/base';
import type { LanguageModel } from 'tsumugi/lm';
import { type Tensor, tensor } from 'tsumugi/torch';
import { expect, it } from 'vitest';
import { answerEntropy } from '../recipes/experiments/answer-entropy.ts';
import { finalAnswer, isRight, newProblems, workedAnswer } from '../recipes/experiments/sums.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

it('has problems that are all different, and answers whose steps are right and use up what is there', () => {
  const random = new RandomStream(3);
  const taken = new Set(['1+1=']);
  const problems = newProblems(random, { least: 2, most: 3, largest: 5 }, 100, taken);
  expect(taken.size).toBe(101);
  for (const problem of problems) {
    expect(problem.prompt).toBe(`${problem.numbers.join('+')}=`);
    const answer = workedAnswer(random, problem);
    const left = [...problem.numbers];
    for (const step of answer.split(' ')) {
      const [a, b, sum] = step.split(/[+=]/).map(Number) as [number, number, number];
      for (const used of [a, b]) {
        expect(left).toContain(used);
        left.splice(left.indexOf(used), 1);
      }
      expect(sum).toBe(a + b);
      left.push(sum);
    }
    expect(left).toHaveLength(1);
    expect(isRight(problem, answer)).toBe(true);
  }
  const [three] = problems.filter(({ numbers }) => numbers.length === 3);
  expect(new Set(Array.from({ length: 200 }, () => workedAnswer(random, three!))).size).toBeGreaterThan(5);
});

it('takes the last number for the answer', () => {
  const problem = { prompt: '17+5=', numbers: [17, 5] };
  expect(isRight(problem, '17+5=22')).toBe(true);
  expect(isRight(problem, '17+5=21 17+5=22')).toBe(true);
  for (const wrong of ['17+5=22 ', '17+5=22 1', '17+5=122', '22', '', '17+5='])
    expect(isRight(problem, wrong)).toBe(false);
  expect(finalAnswer('1+2=3 3+4=7')).toBe('7');
  expect(finalAnswer('1+2=3 3+')).toBeUndefined();
});

it('estimates the entropy of answers at the temperature they were drawn with', () => {
  // What comes after a token depends on that token alone: one of three.
  const table = [[0, 1, 3], [2, 0.5, 0], [-1, 0, 1]]; // biome-ignore format: a table
  const model = {
    parameterDevice: 'cpu',
    forward: (ids: Tensor) =>
      tensor(table.flat(), { shape: [3, 3] })
        .indexSelect(0, ids.flatten())
        .reshape([...ids.shape, 3]),
    logits: (hidden: Tensor) => hidden,
  } as unknown as LanguageModel;
  const prompts = [[0, 1], [2]];
  const answers = [[[0, 2], [1, 1, 0, 2]], [[2], [0, 2]]]; // biome-ignore format: by prompt
  for (const temperature of [1, 0.8]) {
    const sequences: number[] = [];
    const entropies: number[] = [];
    for (const [i, prompt] of prompts.entries())
      for (const answer of answers[i]!) {
        let last = prompt.at(-1)!;
        let surprise = 0;
        for (const id of answer) {
          const weights = table[last]!.map((logit) => Math.exp(logit / temperature));
          const shares = weights.map((weight) => weight / weights.reduce((a, b) => a + b));
          surprise -= Math.log(shares[id]!);
          entropies.push(-shares.reduce((sum, share) => sum + share * Math.log(share), 0));
          last = id;
        }
        sequences.push(surprise);
      }
    const found = answerEntropy(model, prompts, answers, temperature);
    expect(found.sequence).toBeCloseTo(sequences.reduce((a, b) => a + b) / sequences.length, 5);
    expect(found.token).toBeCloseTo(entropies.reduce((a, b) => a + b) / entropies.length, 5);
  }
});

it('writes a page with every α and temperature, asks nothing twice, and keeps to its settings', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-sums-'));
  const run = (...more: string[]) => {
    const words = ['recipes/experiments/arithmetic.ts', '--quick', '--out', out, ...more];
    return spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  };
  try {
    const first = run();
    expect(first.stderr.trim().split('\n')).toHaveLength(4);
    const file = readdirSync(out).find((name) => name.endsWith('.md'))!;
    const page = readFileSync(join(out, file), 'utf8');
    expect(first.stdout).toContain(page);
    expect(page).not.toMatch(/NaN|undefined|Infinity|null/);
    expect(page).toContain(`(${file.replace('.md', '.svg')})`);
    expect(readFileSync(join(out, file.replace('.md', '.svg')), 'utf8')).not.toMatch(/NaN|Infinity|undefined/);
    for (const name of ['fine-tuned', 'α = 0.8', 'DPO (α = 1)', 'DPO, τ = 0.8'])
      expect(page.split('\n').filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(
        name.endsWith('(α = 1)') ? 2 : 3,
      );

    // One record is lost: it alone is made again, and is what it was.
    const recordFile = join(out, 'results-0.json');
    const records = JSON.parse(readFileSync(recordFile, 'utf8'));
    const [lost] = Object.keys(records.answers).filter((name) => name.includes('"alpha":0.8'));
    const { [lost!]: answers, ...others } = records.answers;
    writeFileSync(recordFile, JSON.stringify({ ...records, answers: others }));
    const second = run();
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(second.stderr).toContain(lost);
    expect(JSON.parse(readFileSync(recordFile, 'utf8')).answers[lost!]).toEqual(answers);
    expect(second.stdout.match(/^\|.*\|$/gm)).toEqual(first.stdout.match(/^\|.*\|$/gm));

    const tuning = run('--tune');
    expect(tuning.stderr.match(/"seed":9,.* % right/g)).toHaveLength(2); // before, and one rate
    expect(tuning.stdout).toBe('');
    expect(run('--seeds', '1,x').stderr).toMatch(/whole numbers/);

    writeFileSync(join(out, 'plan.json'), '{}');
    const other = run();
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/other settings/);
  } finally {
    rmSync(out, { recursive: true });
  }
}, 300_000);
