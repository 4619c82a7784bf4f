// A recipe that is cut off, and what happens to it between two looks: nothing more is begun, nothing is lost, and what is said
// of it is what was done.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readEvents, type StartEvent } from '../run/index.ts';
import { defineRecipe, type RecipeReport, runRecipe } from './index.ts';
import { count, log, toy, toyConfig, trouble } from './toy-recipe.testing.ts';

let home: string;
const quiet = { write: () => {} };
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-cut-off-'));
  writeFileSync(join(home, 'novel.txt'), 'cat dog');
  log.length = 0;
  for (const key of Object.keys(trouble)) delete trouble[key as keyof typeof trouble];
});
afterEach(() => rmSync(home, { recursive: true }));

const out = () => join(home, 'out');
const settings = (changes: object = {}) => toyConfig.parse({ text: [join(home, 'novel.txt')], ...changes });
const run = (changes: object = {}, options: object = {}, recipe = toy) =>
  runRecipe(recipe, settings(changes), { out: out(), stream: quiet, ...options });
const states = ({ stages }: RecipeReport) => stages.map(({ name, state }) => `${name} ${state}`);

it('begins nothing more, and keeps what was made and saved, also when it was to clean', async () => {
  await run({ count: { steps: 3 } });
  trouble.interruptAt = 2;
  log.length = 0;
  const { interrupted, report } = await run({ twice: true }, { clean: true });
  expect(interrupted).toBe(true);
  expect(states(report)).toEqual(['words unchanged', 'count interrupted', 'again waiting']);
  expect(log).toEqual(['count from 0']);
  expect(readdirSync(join(out(), 'artefacts'))).toHaveLength(3); // two of count
  expect(readdirSync(join(out(), 'count', 'checkpoints'))).toEqual(['step-000000002']);
});

it('comes to the same when a kill has left half a file', async () => {
  const whole = await runRecipe(toy, settings(), { out: join(home, 'whole'), stream: quiet });
  trouble.interruptAt = 2;
  await run();
  delete trouble.interruptAt;
  const [artefact] = readdirSync(join(out(), 'artefacts')).filter((name) => name.startsWith('count'));
  const left = ['half.json.partial-4711', 'half.bin.partial-this-machine-4711-0'];
  for (const folder of [out(), join(out(), 'artefacts', artefact!)])
    for (const name of left) writeFileSync(join(folder, name), '{');
  mkdirSync(join(out(), 'artefacts', artefact!, 'count'), { recursive: true });
  writeFileSync(join(out(), 'artefacts', artefact!, 'count', left[0]!), '{');
  const { report } = await run();
  const hashes = ({ stages }: RecipeReport) => stages.map(({ name, sha256 }) => [name, sha256]);
  expect(hashes(report)).toEqual(hashes(whole.report));
  expect(readdirSync(out(), { recursive: true }).filter((name) => String(name).includes('.partial-'))).toEqual([]);
});

it('begins nothing more when a signal comes after a stage has looked for the last time', async () => {
  trouble.during = () => void process.emit('SIGINT', 'SIGINT');
  const { interrupted, report } = await run({ twice: true });
  expect(interrupted).toBe(true);
  expect(states(report)).toEqual(['words made', 'count made', 'again waiting']);
  expect(log).toEqual(['words', 'count from 0']);
});

it('leaves a file of somebody else where it would put a link', async () => {
  mkdirSync(join(out(), 'artefacts'), { recursive: true });
  writeFileSync(join(out(), 'recipe.json'), '{"format":"tsumugi-recipe","version":1,"recipe":"toy"}');
  mkdirSync(join(out(), 'words'));
  writeFileSync(join(out(), 'words', 'mine.txt'), 'mine');
  const { report } = await run();
  expect(states(report)).toEqual(['words made', 'count made']);
  expect(readFileSync(join(out(), 'words', 'mine.txt'), 'utf8')).toBe('mine');
});

it('says in its events whether it goes on', async () => {
  trouble.interruptAt = 2;
  await run();
  delete trouble.interruptAt;
  await run();
  const starts = readEvents(join(out(), 'events.jsonl')).filter((event): event is StartEvent => event.type === 'start');
  expect(starts.map(({ resumed }) => resumed)).toEqual([false, true]);
});

it('counts the time of attempts that were cut off, to their last sign of life', async () => {
  trouble.interruptAt = 2;
  await run();
  delete trouble.interruptAt;
  const record = join(out(), 'count', 'stage.json');
  const begun = JSON.parse(readFileSync(record, 'utf8'));
  const last = statSync(join(out(), 'count', 'events.jsonl')).mtimeMs;
  // As if it had begun 40 s before, after another attempt of 60 s.
  const earlier = { ...begun, begun: new Date(last - 40_000).toISOString(), secondsBefore: 60 };
  writeFileSync(record, JSON.stringify(earlier));
  const { report } = await run();
  expect(report.stages[1]!.seconds).toBeGreaterThanOrEqual(99.9);
  expect(report.stages[1]!.seconds).toBeLessThan(130);
});

it('does not make again what another process made while it forecast', async () => {
  let inside: Promise<unknown> | undefined;
  const forecast: typeof count.forecast = async (context) => {
    inside ??= run();
    await inside;
    return count.forecast(context);
  };
  const slow = defineRecipe({
    ...toy,
    stages: (config) =>
      toy
        .stages(config)
        .map((stage) =>
          stage.name === 'count'
            ? { ...stage, definition: { ...stage.definition, forecast: forecast as never } }
            : stage,
        ),
  });
  const { report } = await run({}, {}, slow);
  expect(states(report)).toEqual(['words unchanged', 'count unchanged']);
  expect(log).toEqual(['words', 'count from 0']);
});

it('names what differs from the artefact that was begun last, where no link tells', async () => {
  for (const steps of [2, 3, 4]) {
    await run({ count: { steps } });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  rmSync(join(out(), 'count'));
  const { report } = await run({ count: { steps: 5 } }, { planOnly: true });
  expect(report.stages[1]!.why).toBe('config changed: steps 4 → 5');
});
