// docs/rl/your-own.md: its program is as short as it says, and what it registers learns, with every seed and far from chance.
import { beforeAll, expect, it } from 'vitest';
import { blocksOf, type Ran, readPage, runSnippets } from './snippets.testing.ts';

const [environment, agent, training, evaluation] = blocksOf(readPage('rl/your-own.md'), 'ts') as [
  string,
  string,
  string,
  string,
];

/** What the page says of random moves. */
const chance = `
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

let ran: Ran;
beforeAll(() => {
  [ran] = runSnippets([
    { name: 'catch', code: [environment, agent, training, evaluation, chance].join('\n'), prints: [] },
  ]) as [Ran];
}, 120_000);

it('has an environment and an agent of its own in 80 lines', () => {
  const lines = [environment, agent, training].join('').split('\n');
  expect(lines.filter((line) => line.trim()).length).toBeLessThanOrEqual(80);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
});

it('learns with every seed', () => {
  expect(ran.throws).toBeUndefined();
  const returns = ran.prints.flatMap((line) => /^seed \d: (.*)/.exec(line)?.[1] ?? []).map(Number);
  const chance = Number(/^chance: (.*)/.exec(ran.prints.at(-1)!)![1]);
  expect(returns).toHaveLength(3);
  expect(chance).toBeGreaterThan(-0.65);
  expect(chance).toBeLessThan(-0.35);
  for (const each of returns) expect(each).toBeGreaterThan(0.7);
});

it('loads and measures what it trained', () => {
  expect(ran.prints).toContain('true');
});
