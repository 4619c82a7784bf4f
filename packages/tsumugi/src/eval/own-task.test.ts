// The task on the page about evaluation, outside of the checkout: evaluated, and used for training examples and rewards.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { fakeBackend } from './eval.testing.ts';
import { evaluate, findTasks } from './index.ts';
import type { GenerateRequest } from './request.ts';

const page = readFileSync(new URL('../../../../docs/eval.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('## A task of your own'), page.indexOf('## Metrics and intervals'));
const [rows, task, program] = Array.from(section.matchAll(/```(?:jsonl|ts)\n(.*?)```/gs), ([, code]) => code!);

const home = mkdtempSync(join(tmpdir(), 'tsumugi-own-task-'));
afterAll(() => rmSync(home, { recursive: true }));
// Each test may change them.
beforeEach(() => {
  writeFileSync(join(home, 'capitals.jsonl'), rows!);
  writeFileSync(join(home, 'capitals.ts'), task!);
  writeFileSync(join(home, 'use.ts'), program!);
});

it('is evaluated', async () => {
  const tasks = await findTasks([join(home, 'capitals.ts')]);
  const backend = fakeBackend({ answer: () => ({ text: ' 前橋市 ', finish: 'stop' }) });
  const { tasks: reports } = await evaluate({ tasks, backend, dataFolder: home });
  expect(reports[0]).toMatchObject({ task: 'capitals', n: 2, metrics: { exact_match: { value: 0.5 } } });
  expect(backend.asked.map((request) => (request as GenerateRequest).prompt)).toEqual([
    '問：愛知県の県庁所在地は？\n答：名古屋市\n問：岩手県の県庁所在地は？\n答：盛岡市\n問：群馬県の県庁所在地は？\n答：',
    '問：愛知県の県庁所在地は？\n答：名古屋市\n問：岩手県の県庁所在地は？\n答：盛岡市\n問：石川県の県庁所在地は？\n答：',
  ]);
});

it('finds the library where there is none beside it', () => {
  const index = JSON.stringify(new URL('index.ts', import.meta.url).href);
  const find = `const [task] = await (await import(${index})).findTasks(['./capitals.ts']); console.log(task.name);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', find], {
    cwd: home,
    encoding: 'utf8',
  });
  expect([stdout, stderr]).toEqual(['capitals\n', '']);
});

it('gives training examples and rewards', () => {
  const project = join(home, 'project');
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(project, 'node_modules', 'tsumugi'), 'dir');
  for (const name of ['capitals.jsonl', 'capitals.ts', 'use.ts']) copyFileSync(join(home, name), join(project, name));
  const { stdout, stderr } = spawnSync(process.execPath, ['use.ts'], { cwd: project, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    '{"prompt":"問：群馬県の県庁所在地は？\\n答：","completion":"前橋市"}',
    '{"prompt":"問：石川県の県庁所在地は？\\n答：","completion":"金沢市"}',
    '前橋市 1',
    '高崎市 0',
  ]);
});

it('names file, row and field of what does not fit', async () => {
  writeFileSync(join(home, 'capitals.jsonl'), rows!.replace('"capital": "金沢市"', '"capitol": "金沢市"'));
  const tasks = await findTasks([join(home, 'capitals.ts')]);
  await expect(evaluate({ tasks, backend: fakeBackend(), dataFolder: home })).rejects.toThrow(
    /capitals\.jsonl, row 4: "capital" should be a text but is missing/,
  );
});

it('says where a mistake in it is', async () => {
  const wrong = join(home, 'wrong.ts');
  writeFileSync(wrong, task!.replace('exactMatch(answer, capital)', 'JSON.parse(answer).right'));
  const [line] = [...task!.split('\n').entries()].find(([, text]) => text.includes('exactMatch(answer'))!;
  writeFileSync(join(home, 'capitals.jsonl'), rows!);
  const tasks = await findTasks([wrong]);
  await expect(evaluate({ tasks, backend: fakeBackend(), dataFolder: home })).rejects.toMatchObject({
    code: 'own-code-failed',
    message: expect.stringContaining(`task capitals failed in ${wrong}, line ${line + 1}: `),
  });
});
