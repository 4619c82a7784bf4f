// docs/rl/your-own.md: its program is as short as it says, and what it registers learns, with every seed and far from chance; the
// commands train it, too.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { blocksOf, readPage, root, runSnippets } from './snippets.testing.ts';

const page = readPage('rl/your-own.md');
const [environment, agent, training] = blocksOf(page, 'ts') as [string, string, string];

mkdirSync(`${root}build`, { recursive: true });
const home = mkdtempSync(join(root, 'build', 'rl-your-own-'));
afterAll(() => rmSync(home, { recursive: true }), 60_000);
writeFileSync(join(home, 'catch.ts'), `${environment}${agent}`);
writeFileSync(join(home, 'broken.ts'), "const dice: number = 1;\nif (dice > 0) throw new Error('no dice');\n");
writeFileSync(join(home, 'catch.yml'), blocksOf(page, 'yaml')[0]!);

/** What the page says of random moves. */
const chance = `
import { RandomStream } from 'tsumugi/base';
const dice = new RandomStream(7);
const game = await rl.makeEnvironment('Catch-v0');
let total = 0;
game.reset({ seed: 7 });
for (let played = 0; played < 500; ) {
  const { reward, terminated } = game.step(dice.below(3));
  total += reward;
  if (!terminated) continue;
  played++;
  game.reset();
}
console.log('chance: ' + total / 500);
`;
/** Threads that train have the game, too. */
const threads = `
const { steps } = await rl.trainAgent({
  modules: ['catch.ts'],
  environment: 'Catch-v0',
  agent: 'a3c',
  agentSettings: { hidden: [8] },
  threads: 2,
  steps: 100,
  evaluation: { interval: 0, episodes: 1 },
  out: 'runs/threads',
});
console.log('threads: ' + steps);
`;

it('has an environment and an agent of its own in 80 lines', () => {
  const lines = [environment, agent, training].join('').split('\n');
  expect(lines.filter((line) => line.trim()).length).toBeLessThanOrEqual(80);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
});

it('learns with every seed', () => {
  const [ran] = runSnippets([{ name: 'catch', code: training + chance + threads, prints: [] }], home);
  expect(ran!.throws).toBeUndefined();
  const prints = ran!.prints.join('\n');
  const returns = [...prints.matchAll(/^seed \d: (.*)/gm)].map(([, mean]) => Number(mean));
  const random = Number(/^chance: (.*)/m.exec(prints)![1]);
  expect(returns).toHaveLength(3);
  expect(random).toBeGreaterThan(-0.65);
  expect(random).toBeLessThan(-0.35);
  for (const each of returns) expect(each).toBeGreaterThan(0.7);
  expect(prints).toContain('threads: 100');
});

describe('commands', () => {
  const tsumugi = (line: string, ...more: string[]) =>
    promisify(execFile)(
      process.execPath,
      [`${root}packages/tsumugi/bin/tsumugi.js`, ...line.split(' ').slice(1), ...more],
      { cwd: home },
    );
  const [train, over, evaluate, report] = blocksOf(page, 'sh')[0]!.trim().split('\n') as [
    string,
    string,
    string,
    string,
  ];

  it('train, measure and report', async () => {
    expect((await tsumugi(train)).stdout).toMatch(/^2000 steps/);
    const { stdout } = await tsumugi(evaluate, '--json');
    expect(JSON.parse(stdout).mean).toBeGreaterThan(0.7);
    expect((await tsumugi(report)).stdout).toMatch(/return/);
  });

  it('train over threads', async () => {
    expect((await tsumugi(over, 'steps=200')).stdout).toMatch(/^200 steps/);
  });

  it.each([
    [['--set', 'modules=["cach.ts"]'], /there is no file cach\.ts to register environments and agents/],
    [['--set', 'modules=["broken.ts"]'], /broken\.ts: it cannot be loaded: line 2: no dice/],
  ])('explain %j', async (more, message) => {
    const { code, stderr } = await tsumugi(train.replace('runs/catch', 'runs/none'), ...more).then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    );
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
