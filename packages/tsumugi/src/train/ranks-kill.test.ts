// Signals to one rank of a training, by the real command: kill -9 at any moment ends all with one sentence and leaves no half checkpoint,
// SIGTERM saves on all, and --resume comes to the weights of a run that was never interrupted. TSUMUGI_KILLS sets how many kills.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { inTime, thorough } from '../base/thorough.testing.ts';
import { readEvents } from '../run/index.ts';
import { listCheckpoints, loadCheckpoint } from '../store/index.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { type Ended, type Phase, phases, runCommand, slowDisk } from './ranks-command.testing.ts';
import { type TinySetup, tinySetup } from './train.testing.ts';

const world = 2;
const settings = { steps: 12, batchSize: 4, evaluateEvery: 5, checkpointEvery: 1 };
const kills = Number(process.env['TSUMUGI_KILLS'] ?? inTime(2, 50));

let setup: TinySetup;
let whole: { weights: string; second: Ended };
const configOf = (name: string, changes: Partial<PretrainConfig> = {}) =>
  setup.config(name, { ...settings, ...changes });
const weightsOf = ({ out }: PretrainConfig) => sha256File(join(out, 'model', 'model.safetensors'));
const codesOf = ({ results }: Ended) => results.map(({ code }) => code);

beforeAll(async () => {
  setup = await tinySetup();
  const config = configOf('whole');
  const first = runCommand(config, world, { preload: slowDisk });
  // A second launch with the same folder, while the first one is at work.
  const begun = async () => {
    while (!existsSync(join(config.out, 'events.jsonl'))) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await Promise.race([first, begun()]);
  const [ended, refused] = await Promise.all([first, runCommand(config, world)]);
  expect(codesOf(ended), ended.results.map(({ stderr }) => stderr).join()).toEqual([0, 0]);
  whole = { weights: weightsOf(config), second: refused };
}, 300_000);
afterAll(() => setup[Symbol.dispose]());

/** What a person is told by a rank, without the remedy. */
const sentences = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('error: '));

/** Only whole checkpoints can be seen, and they belong to what the log says. */
function expectWholeCheckpoints({ out }: PretrainConfig): void {
  for (const checkpoint of listCheckpoints(join(out, 'checkpoints'))) loadCheckpoint(checkpoint)[Symbol.dispose]();
  const visible = existsSync(join(out, 'checkpoints'))
    ? readdirSync(join(out, 'checkpoints')).filter((name) => /^step-\d+$/.test(name))
    : [];
  expect(visible).toHaveLength(listCheckpoints(join(out, 'checkpoints')).length);
}

/** Goes on to the end. */
async function expectSameEnd(config: PretrainConfig): Promise<void> {
  const { results } = await runCommand(config, world);
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
  expect(weightsOf(config)).toBe(whole.weights);
  expect(readdirSync(join(config.out, 'checkpoints')).filter((name) => name.includes('.partial-'))).toEqual([]);
  const steps = readEvents(join(config.out, 'events.jsonl')).filter(({ type }) => type === 'step');
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: settings.steps }, (_, i) => i + 1));
}

it('refuses a second launch with the same out, on all its ranks', () => {
  const [first, other] = whole.second.results;
  expect(codesOf(whole.second)).toEqual([2, 2]);
  expect(sentences(first!.stderr)).toEqual([expect.stringMatching(/^error: .* is being written by process \d+ on /)]);
  expect(sentences(other!.stderr)).toEqual([
    expect.stringMatching(/^error: rank 0 on .* ended: .* is being written by process \d+ on /),
  ]);
});

it(`survives ${kills} times kill -9 of a rank`, { timeout: 600_000 + kills * 120_000 }, async () => {
  const random = new RandomStream(kills);
  /** By phase: how many of which rank, and the longest way from the signal to the end of the last rank. */
  const seen: Record<string, { ranks: number[]; seconds: number }> = {};
  const told: string[] = [];
  onTestFinished(() => console.log(`${kills} kills of ${world} ranks: ${JSON.stringify(seen)}\n${told.join('\n')}`));
  let config = configOf('killed-0');
  for (let killed = 0, run = 0; killed < kills; ) {
    const asked: Phase = kills < phases.length ? ([['save', 'steps', 'evaluation', 'end', 'start'] as const][0]![killed]!) : phases[killed % phases.length]!; // biome-ignore format: one line
    const plan = { rank: Math.floor(random.next() * world), signal: 'SIGKILL', phase: asked, after: random.next() * (asked === 'start' ? 4000 : 60) } as const; // biome-ignore format: one line
    const { results, phase, seconds } = await runCommand(config, world, { plan });
    const end = results.map(({ code, signal }) => signal ?? code);
    if (end[plan.rank] === 'SIGKILL') {
      killed++;
      const ofPhase = seen[phase!] ?? { ranks: Array.from({ length: world }, () => 0), seconds: 0 };
      seen[phase!] = ofPhase;
      ofPhase.ranks[plan.rank]!++;
      ofPhase.seconds = Math.max(ofPhase.seconds, Number(seconds.toFixed(1)));
      told.push(
        `${phase} (${asked} + ${plan.after.toFixed(0)} ms) of rank ${plan.rank}: ${seconds.toFixed(1)} s, ${results.map(({ stderr, code }) => [code, ...sentences(stderr)].join(' ')).join(' | ')}`,
      );
      for (const { rank, code, stderr } of results) {
        if (rank === plan.rank) continue;
        // Once the model is there, the others may be through with everything.
        const isOver = existsSync(join(config.out, 'model', 'lineage.json'));
        if (isOver && code === 0) continue;
        expect(code, `${asked}, rank ${rank}: ${stderr}`).toBe(2);
        expect(sentences(stderr), `${asked}, rank ${rank}: ${stderr}`).toEqual([
          expect.stringMatching(
            new RegExp(`^error: (rank ${plan.rank} (on .* is gone, found out by rank ${rank} on|of ${world} did not come|cannot be reached)|rank ${rank} could not join)`),
          ), // biome-ignore format: one line
        ]);
      }
      // From the signal: a rank that is killed while it starts, or leaves, is missed for as long as the others wait, once they do.
      expect(seconds, `killed in ${phase}`).toBeLessThan(phase === 'start' || phase === 'end' ? 90 : 30);
    } else expect(end).toEqual([0, 0]);
    expectWholeCheckpoints(config);
    if (existsSync(join(config.out, 'model', 'lineage.json'))) {
      await expectSameEnd(config);
      config = configOf(`killed-${++run}`);
    }
  }
  if (existsSync(config.out)) await expectSameEnd(config);
});

describe('SIGTERM to one rank', () => {
  const moments = [
    ['during a save', { rank: 1, phase: 'save', after: 10 }],
    ['before the first step', { rank: 0, phase: 'steps', after: 0 }],
    ['during an evaluation', { rank: 0, phase: 'evaluation', after: 0 }],
    ['between steps', { rank: 1, phase: 'steps', after: 300 }],
  ] as const;
  it.each(moments.slice(0, inTime(1, moments.length)))(
    'saves on all, once, and ends with a code that says so: %s',
    { timeout: 300_000 },
    async (name, at) => {
      const config = configOf(name.replaceAll(' ', '-'));
      const ended = await runCommand(config, world, { plan: { ...at, signal: 'SIGTERM' } });
      expect(codesOf(ended), ended.results.map(({ stderr }) => stderr).join()).toEqual([143, 143]);
      const events = readEvents(join(config.out, 'events.jsonl'));
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'interrupted' });
      const { step } = events.at(-1)!;
      expect(step).toBeLessThan(settings.steps);
      expect(listCheckpoints(join(config.out, 'checkpoints')).at(-1)?.step ?? 0).toBe(step);
      expect(events.filter((event) => event.type === 'checkpoint' && event.step === step)).toHaveLength(
        step > 0 ? 1 : 0,
      );
      expectWholeCheckpoints(config);
      await expectSameEnd(config);
    },
  );

  it('and SIGINT twice ends at once', { timeout: 300_000 }, async () => {
    const config = configOf('twice');
    const plan = { rank: 0, phase: 'steps', after: 0, signal: 'SIGINT', repeats: true } as const;
    const { results } = await runCommand(config, world, { plan });
    const [first, other] = results;
    expect([first!.code, first!.signal]).toEqual([null, 'SIGINT']);
    // The second one may come when both have saved: then the other has stopped as it was asked to.
    if (other!.code === 143) return;
    expect(other!.code).toBe(2);
    expect(sentences(other!.stderr)).toEqual([expect.stringMatching(/^error: rank 0 on .* is gone/)]);
  });
});

it('ends all with the reason when one rank cannot write', { timeout: 300_000 }, async () => {
  const config = configOf('full');
  const preload = fileURLToPath(new URL('full-disk.testing.ts', import.meta.url));
  const ended = await runCommand(config, world, { preload });
  expect(codesOf(ended)).toEqual([2, 2]);
  const [first, other] = ended.results;
  expect(sentences(other!.stderr)).toEqual([
    expect.stringMatching(/^error: .*step-000000001 cannot be written: the disk is full$/),
  ]);
  expect(sentences(first!.stderr)).toEqual([
    expect.stringMatching(/^error: rank 1 on .* could not save: .*: the disk is full$/),
  ]);
  expect(readdirSync(join(config.out, 'checkpoints'))).toEqual([]);
  expect(readFileSync(join(config.out, 'events.jsonl'), 'utf8')).toContain('the disk is full');
  if (thorough) await expectSameEnd(config);
});

it('tells what to do when one rank takes longer to save than the others wait', { timeout: 300_000 }, async ({
  skip,
}) => {
  skip(!thorough, 'takes 20 seconds: in npm run test:long');
  const config = configOf('late');
  const preload = fileURLToPath(new URL('late-disk.testing.ts', import.meta.url));
  const ended = await runCommand(config, world, { preload, env: { TSUMUGI_MESH_TIMEOUT: '10' } });
  expect(codesOf(ended)).toEqual([2, 2]);
  const [first, other] = ended.results;
  expect(sentences(first!.stderr)).toEqual([
    expect.stringMatching(
      /^error: rank 0 on .* waited 10 s in an all-reduce, to which another rank, though alive, did not come$/,
    ),
  ]);
  expect(first!.stderr).toContain('TSUMUGI_MESH_TIMEOUT');
  expect(sentences(other!.stderr)).toEqual([
    expect.stringMatching(/^error: rank 0 on .* ended: rank 0 on .* waited 10 s/),
  ]);
  expectWholeCheckpoints(config);
  expect(listCheckpoints(join(config.out, 'checkpoints'))).toEqual([]);
  await expectSameEnd(config);
});
