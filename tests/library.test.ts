// docs/library.md: every program does what its comments say and has the types of the page's own tsconfig.json, and every call
// in the table of PyTorch's words works.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blocksOf, readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('library.md');
const snippets = snippetsOf(page);
const [table = ''] = /^\| PyTorch \| here[\s\S]*/m.exec(page) ?? [];
/** The calls in the second column. */
const calls = table
  .split('\n')
  .slice(2)
  .flatMap((row) => [...(row.split(/(?<!\\)\|/)[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, call]) => call!));

const prelude = `
import * as torch from 'tsumugi/torch';
import * as nn from 'tsumugi/nn';
import * as optim from 'tsumugi/optim';
import { writeSafetensors } from 'tsumugi/store';
const { callOperator, cat, grad, manualSeed, matmul, noGrad, oneHot, ones, randn, Rng, stack, tensor, zeros } = torch;
const { BatchNorm, buffer, crossEntropy, Linear, LSTM, parameter, relu, Sequential } = nn;
const { clipGradNorm, SGD } = optim;
manualSeed(1);
const [a, b] = [tensor([[1, 2], [3, 4]], { requiresGrad: true }), ones(2, 2)];
const [x, ids, model] = [ones(2, 3), tensor([0, 1], { dtype: 'int64' }), new Linear(2, 2)];
const optimizer = new SGD(model, { lr: 0.1 });
for (const each of model.parameters()) each.grad = torch.zerosLike(each);
`;
const rows = `${prelude}
const works = (name, body) => { try { body(); } catch (error) { console.log(name + ': ' + error.message); } };
${calls.map((call) => `works(${JSON.stringify(call)}, () => (${call}));`).join('\n')}
`;

const outcomes = runSnippets([...snippets, { name: 'table', code: rows, prints: [] }]);

it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, snippet, ran) => {
  const { prints, throws } = snippet;
  expect(ran).toEqual({ prints, ...(throws !== undefined && { throws: expect.stringContaining(throws) }) });
});

it('translates PyTorch to calls that work', () => {
  expect(calls.length).toBeGreaterThan(60);
  expect(outcomes.at(-1)).toEqual({ prints: [] });
});

it('has the types that its tsconfig.json asks for', () => {
  mkdirSync(`${root}build`, { recursive: true });
  const folder = mkdtempSync(join(root, 'build', 'library-types-'));
  try {
    writeFileSync(join(folder, 'tsconfig.json'), blocksOf(page, 'json')[0]!);
    for (const [i, { code }] of snippets.entries()) writeFileSync(join(folder, `${i}.ts`), code);
    const { stdout } = spawnSync('npx', ['tsc', '-p', folder, '--listFiles'], { encoding: 'utf8', cwd: root });
    expect(stdout).toContain(join(folder, '0.ts'));
    // In a checkout the compiler goes through our own sources too, which have stricter settings of their own.
    expect(stdout.split('\n').filter((line) => line.startsWith('build/'))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
