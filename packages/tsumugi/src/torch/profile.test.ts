// A profile of one step: operators by name with their wall time, nested in what they were called from.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from '@tsumugi/native';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordFunction } from './index.ts';
import { native } from './native.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-profile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Span {
  name: string;
  cat: string;
  ph: string;
  ts: number;
  dur: number;
}

const library = new URL('./index.ts', import.meta.url).href;
const program = (body: string) => [
  '--input-type=module-typescript',
  '--eval',
  `import * as torch from ${JSON.stringify(library)};\n${body}`,
];
const step = `torch.recordFunction('step', () => torch.scope(() => {
  const w = torch.ones([64, 64]).requiresGrad_();
  torch.backward(w.matmul(w).sum());
}));`;
const environment = (path: string) => ({ ...process.env, TSUMUGI_PROFILE: path, TSUMUGI_THREADS: '1' });
const run = (path: string, body: string) =>
  spawnSync(process.execPath, program(body), { encoding: 'utf8', env: environment(path) });
/** What the program did, without what is freed and what the profile itself takes, which are a matter of time. */
const spansIn = (path: string) =>
  (JSON.parse(readFileSync(path, 'utf8')) as Span[]).filter(
    ({ ph, name, cat }) => ph === 'X' && name !== 'free' && cat !== 'profile',
  );

it('has every call with its time, inside the span it was made in', () => {
  const path = join(folder, 'step.json');
  const { status, stderr } = run(
    path,
    `const began = performance.now();\n${step}\nconsole.error(performance.now() - began)`,
  );
  expect(status, stderr).toBe(0);
  const spans = spansIn(path);
  expect(spans.map(({ name }) => name)).toEqual(['aten::ones', 'aten::matmul', 'aten::sum', 'backward', 'step']);
  const whole = spans.pop()!;
  let end = whole.ts;
  for (const { name, ts, dur } of spans) {
    expect(ts, name).toBeGreaterThanOrEqual(end); // one after the other
    end = ts + dur;
  }
  expect(end).toBeLessThanOrEqual(whole.ts + whole.dur + 0.1); // both are rounded to 0.1 µs
  expect(whole.dur).toBeLessThanOrEqual(Number(stderr) * 1000);
  expect(whole.dur).toBeGreaterThan(0);
});

it('notes a call that fails, and hands its error on', () => {
  const path = join(folder, 'failed.json');
  const { stderr } = run(path, 'torch.zeros([2]).reshape([3]);');
  expect(stderr).toContain("aten::reshape(float32[2], [3]): shape '[3]' is invalid for input of size 2");
  expect(spansIn(path).map(({ name }) => name)).toContain('aten::reshape');
});

it('does not come from processes that the profiled one starts', () => {
  const path = join(folder, 'parent.json');
  const child = `import { execFileSync } from 'node:child_process';
torch.zeros([1]).neg();
execFileSync(process.execPath, ${JSON.stringify(program('for (let i = 0; i < 99; i++) torch.zeros([1]).exp();'))});`;
  expect(run(path, child)).toMatchObject({ status: 0, stderr: '' });
  expect(spansIn(path).map(({ name }) => name)).toEqual(['aten::zeros', 'aten::neg']);
});

it.each(['SIGINT', 'SIGKILL'] as const)('is a whole file after %s', async (signal) => {
  const path = join(folder, `${signal}.json`);
  const endless = `for (let i = 0; ; i++) {
  torch.scope(() => void torch.zeros([1]).neg());
  if (i === 20_000) console.log('many');
}`;
  const child = spawn(process.execPath, program(endless), {
    env: environment(path),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([null, signal]); // it ends as it would without a profile
  const names = spansIn(path).map(({ name }) => name);
  expect(names.filter((name) => name === 'aten::neg').length).toBeGreaterThan(10_000);
});

it('says where it cannot write', () => {
  const { status, stderr } = run(join(folder, 'none', 'step.json'), step);
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/none\/step\.json cannot be written: the folder it should be in is not there/);
});

it('leaves the addon as it is when it is not asked for', () => {
  expect(native()).toBe(load());
  expect(recordFunction('span', () => 3)).toBe(3);
});
