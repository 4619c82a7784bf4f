// Trainings over several machines: hosts that are network namespaces, each with a rank of the command line. They give what one process
// gives, over links that are slow and lose packets too; and end, all of them, when one is cut off or stands still.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { inTime, thorough } from '../base/thorough.testing.ts';
import { Hosts, hostsLack, wiresLack } from '../mesh/hosts/hosts.testing.ts';
import { distance, HostsTraining, lossesOf, startsOf, stepsOf } from './hosts-training.testing.ts';
import { pretrain } from './index.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { slowDisk } from './ranks-command.testing.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

/** No rank may wait longer, and a few seconds more to find out whom for, on a machine that is busy. */
const TIMEOUT_SECONDS = inTime(4, 8);
const MORE_SECONDS = 12;
const STEPS = 40;
const place = (rank: number) => `rank ${rank} on ${hostname()} \\(10\\.0\\.0\\.${rank + 1}\\)`;

let setup: TinySetup;
/** Of one process, by number of steps. */
const alone = new Map<number, Promise<number[]>>();

const configOf = (name: string, steps: number, changes: Partial<PretrainConfig> = {}) =>
  setup.config(name, {
    steps,
    batchSize: 6,
    evaluateEvery: 0,
    checkpointEvery: 10,
    // With a higher one training itself is unsteady: see data-parallel.test.ts.
    learningRate: 1e-3,
    ...changes,
  });

/** Losses of a run of one process. */
function lossesAlone(steps: number): Promise<number[]> {
  const train = async () => {
    const config = configOf(`alone-${steps}`, steps);
    await pretrain(config, { stream: silent });
    return lossesOf(config.out);
  };
  if (!alone.has(steps)) alone.set(steps, train());
  return alone.get(steps)!;
}

/** What the run has logged is what one process logs. */
async function expectAsAlone({ out, steps }: PretrainConfig): Promise<void> {
  const [losses, expected] = [lossesOf(out), await lossesAlone(steps)];
  expect(stepsOf(out).map(({ step }) => step)).toEqual(expected.map((_, i) => i + 1));
  expect(distance(losses, expected)).toBeLessThan(1e-6);
}

/** All come to their end, and what they did is what one process does. → what rank 0 said */
async function expectFinished(training: HostsTraining): Promise<string> {
  const results = await training.ended();
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
  await expectAsAlone(training.config);
  return results[0]!.stderr;
}

/** After something has gone wrong with rank `lost`: the others end in time, each with one sentence that names it and its host. */
async function expectNamed(training: HostsTraining, lost: number, isCutOff: boolean): Promise<void> {
  const began = performance.now();
  let longest = 0;
  await Promise.all(
    training.ranks.map(async ({ ended }, rank) => {
      // One that stands still cannot end.
      if (!isCutOff && rank === lost) return;
      const { code, stderr, at } = await ended;
      longest = Math.max(longest, (at - began) / 1000);
      expect(code, stderr).toBe(2);
      // From a host that is cut off the place where all meet is what is gone, and from that place the first of the others.
      const gone = rank !== lost ? lost : lost === 0 ? 1 : 0;
      expect(stderr.match(/^error: .*$/gm)).toEqual([
        expect.stringMatching(
          new RegExp(`^error: ${place(gone)} is gone, found out by ${place(rank)} in an? [a-z-]+$`),
        ),
      ]);
    }),
  );
  expect(longest).toBeLessThan(TIMEOUT_SECONDS + MORE_SECONDS);
  if (thorough) console.log(`the last rank ended ${longest.toFixed(1)} s after, at a timeout of ${TIMEOUT_SECONDS} s`);
}

describe('a training', requires(hostsLack === undefined, hostsLack ?? ''), () => {
  beforeAll(async () => {
    setup = await tinySetup();
    await lossesAlone(STEPS); // not while others are timed
  }, 120_000);
  afterAll(() => setup?.[Symbol.dispose]());

  const count = inTime(2, 3);
  const moments = [
    ['the last host is cut off', count - 1, 'cut'],
    ['the host of rank 0 is cut off', 0, 'cut'],
    ['a host is cut off during a save', 1, 'cut in a save'],
    ['a rank stands still', 1, 'stop'],
    ['rank 0 stands still', 0, 'stop'],
  ] as const;
  it.each(moments.slice(0, inTime(1, moments.length)))(
    'ends on all hosts when %s, and goes on with --resume',
    { timeout: 300_000 },
    async (_, lost, how) => {
      // So slow that there is time to cut it off.
      using hosts = await Hosts.make(count, { rate: '20mbit' });
      const training = new HostsTraining(hosts, configOf(`${how.replaceAll(' ', '-')}-${lost}`, STEPS));
      const isInSave = how === 'cut in a save';
      training.startAll({
        timeout: TIMEOUT_SECONDS,
        ...(isInSave && { env: { NODE_OPTIONS: `--import=${slowDisk}` } }),
      });
      await training.stepped(isInSave ? 20 : 12);
      if (isInSave) await training.until('a save', () => training.partial().length > 0);
      const saving = training.partial()[0];
      if (how === 'stop') training.ranks[lost]!.signal('SIGSTOP');
      else hosts.cut(lost);
      await expectNamed(training, lost, how !== 'stop');
      if (how === 'stop') {
        training.ranks[lost]!.signal('SIGCONT');
        const { code, stderr } = await training.ranks[lost]!.ended;
        expect([code, stderr.match(/^error: /gm)?.length], stderr).toEqual([2, 1]);
      } else hosts.mend(lost);

      const done = training.stepsDone();
      expect(done).toBeLessThan(STEPS);
      const last = training.lastCheckpoint();
      expect(last % 10).toBe(0);
      expect(last).toBeGreaterThan(0);
      expect(last).toBeLessThanOrEqual(done);
      if (isInSave) expect(training.partial()).toEqual([saving]);
      if (thorough) {
        const again = new HostsTraining(hosts, training.config);
        again.startAll();
        await expectFinished(again);
      } else {
        // By one process, since others are quickly started only by themselves.
        await pretrain(training.config, { stream: silent, resume: true });
        await expectAsAlone(training.config);
      }
      expect(startsOf(training.config.out)).toEqual([0, last]);
      expect(training.partial()).toEqual([]);
    },
  );

  if (!thorough) return;
  // Each takes a minute or so.
  it.each([2, 4])('gives on %i hosts the losses of one process', { timeout: 300_000 }, async (many) => {
    using hosts = await Hosts.make(many);
    const training = new HostsTraining(hosts, configOf(`over-${many}`, 100));
    training.startAll();
    await expectFinished(training);
  });

  describe('where links delay by 50 ms and lose 1 %', requires(wiresLack === undefined, wiresLack ?? ''), () => {
    it.each([2, 4])('is only slower on %i hosts: the same bits', { timeout: 600_000 }, async (many) => {
      const models = [];
      for (const link of [{}, { delayMs: 50, lossPercent: 1 }]) {
        using hosts = await Hosts.make(many, link);
        const training = new HostsTraining(hosts, configOf(`link-${many}-${models.length}`, 12));
        training.startAll();
        await expectFinished(training);
        models.push(readFileSync(join(training.config.out, 'model', 'model.safetensors')));
      }
      expect(models[1]!.equals(models[0]!)).toBe(true);
    });
  });

  it('goes on when a host that came late is cut off for a while', { timeout: 300_000 }, async () => {
    using hosts = await Hosts.make(2);
    const training = new HostsTraining(hosts, configOf('while', 100));
    training.start(0);
    await sleep(1000);
    training.start(1);
    await training.stepped(12);
    hosts.cut(1);
    await sleep(2500);
    const done = training.stepsDone();
    expect(done).toBeLessThan(100);
    await sleep(500);
    expect(training.stepsDone()).toBe(done);
    hosts.mend(1);
    await expectFinished(training);
  });

  it.each(['none', 'zero3'] as const)(
    'names a rank that is slow, with shard=%s',
    { timeout: 300_000 },
    async (shard) => {
      using hosts = await Hosts.make(2);
      const training = new HostsTraining(hosts, configOf(`slow-${shard}`, 30, { shard }));
      training.startAll();
      await training.stepped(2);
      const [first, slow] = training.ranks;
      let isOver = false;
      void first!.ended.then(() => {
        isOver = true;
      });
      while (!isOver && training.stepsDone() < training.config.steps) {
        slow!.signal('SIGSTOP');
        await sleep(60);
        slow!.signal('SIGCONT');
        await sleep(10);
      }
      expect(await expectFinished(training)).toMatch(new RegExp(`^pretrain .* 100 % .*${place(1)} is slow \\(`, 'm'));
    },
  );
});
