// Training over processes: two of one thread against one of two, all-reduce against the network, steps over hosts with slow
// links against the forecast, and what is on one machine beside PyTorch's DistributedDataParallel with Gloo.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { preset } from 'tsumugi/lm';
import { namedParameters, numParameters } from 'tsumugi/nn';
import { decayGroups } from 'tsumugi/optim';
import { stepTime, trainingFlops } from 'tsumugi/train';
import { Hosts, hostsLack } from '../packages/tsumugi/src/mesh/hosts/hosts.testing.ts';
import { freePort } from '../packages/tsumugi/src/mesh/launch/index.ts';
import { withTensorFile } from './lib/exchange.ts';
import { newModel } from './lib/lm.ts';
import type { Context, PartResult } from './lib/part.ts';
import { peerEnvironment, pythonCandidates } from './lib/peer.ts';
import { type Row, row } from './lib/row.ts';
import { interleave, type Sampler } from './lib/sampling.ts';
import { median } from './lib/statistics.ts';
import { Ranks, type RanksOptions } from './mesh/ranks.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const ourRank = [process.execPath, here('mesh/rank.ts')] as const;
const settings = { lr: 1e-4, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };

interface Step {
  seconds: number;
  reduceSeconds: number;
  waitSeconds: number;
}

interface Load {
  gradientBytes: number;
  rows: number;
  tokens: number;
}

const longest = (answers: readonly { seconds: number }[]) => Math.max(...answers.map(({ seconds }) => seconds));

/** The peer's Python, when there is one with distributed training. */
function peerPython(): string | undefined {
  const asks = ['-c', 'import torch.distributed as d; assert d.is_available()'];
  return pythonCandidates().find((python) => spawnSync(python, asks, { stdio: 'ignore' }).status === 0);
}

async function peerRanks(python: string, options: RanksOptions): Promise<Ranks> {
  const env = { ...peerEnvironment(options.threads), GLOO_SOCKET_IFNAME: 'lo' };
  const ranks = await Ranks.start([python, here('peer/ddp.py')], { ...options, env });
  const config = preset('bench');
  const model = newModel(config);
  const groups = decayGroups(model, { weightDecay: settings.weightDecay }).map((group) => ({
    names: group.parameters.map(([name]) => name),
    weightDecay: group.weightDecay,
  }));
  await withTensorFile(namedParameters(model), (path) =>
    ranks.ask('prepare', { path, config, settings: { ...settings, groups } }),
  );
  model.dispose();
  return ranks;
}

export async function run(context: Context): Promise<PartResult> {
  const { quick } = context;
  const [rows, tokens] = quick ? [2, 128] : [4, 512];
  const shape = `${rows} × ${tokens}`;
  const rounds = quick ? 1 : 5;
  const gradientBytes = 4 * withModel(numParameters);
  const made: Row[] = [];
  const notes: string[] = [];
  using stack = new DisposableStack();

  // Here: one machine, its two ways to use two cores.
  const pair = stack.use(await Ranks.start([...ourRank], { world: 2, threads: 1 }));
  const one = stack.use(await Ranks.start([...ourRank], { world: 1, threads: 2 }));
  const python = peerPython();
  if (python === undefined) notes.push('no Python with torch.distributed: nothing to compare with');
  const theirPair = python && stack.use(await peerRanks(python, { world: 2, threads: 1 }));
  const theirOne = python && stack.use(await peerRanks(python, { world: 1, threads: 2 }));
  const hidden: number[] = [];
  const reduced: number[] = [];
  const rate = (ranks: Ranks | undefined | '', name: string): Sampler | undefined =>
    ranks
      ? async () => {
          const answers = await ranks.ask<Step>('step', { rows, tokens });
          const perSecond = (rows * tokens) / longest(answers);
          context.log(`${name}: ${perSecond.toFixed(0)} tokens/s`);
          if (ranks === pair) {
            hidden.push(100 * (1 - median(answers.map((each) => each.waitSeconds / each.reduceSeconds))));
            reduced.push(1e3 * median(answers.map((each) => each.reduceSeconds)));
          }
          return perSecond;
        }
      : undefined;
  const bytes = quick ? 2 ** 22 : gradientBytes;
  const reduce =
    (ranks: Ranks): Sampler =>
    async () =>
      bytes / 1e9 / longest(await ranks.ask<{ seconds: number }>('allReduce', { bytes, times: 3 }));
  const plain: Sampler = async () => {
    const port = await freePort();
    const amount = quick ? 2 ** 24 : 2 ** 28;
    return (
      amount /
      1e9 /
      longest(await pair.ask<{ seconds: number }>('loopback', { bytes: amount, host: '127.0.0.1', port }))
    );
  };
  const found = await interleave(rounds, {
    pair: rate(pair, 'two processes of one thread'),
    one: rate(one, 'one process of two threads'),
    theirPair: rate(theirPair, 'two processes (peer)'),
    theirOne: rate(theirOne, 'one process (peer)'),
    reduce: reduce(pair),
    theirReduce: theirPair ? reduce(theirPair) : undefined,
    plain,
  });
  made.push(
    row({
      name: `${shape}, 2 processes × 1 thread`,
      unit: 'tokens/s',
      better: 'higher',
      ours: found.pair,
      peer: found.theirPair,
      goal: { of: 'speed', bound: 1 },
    }),
    row({
      name: `${shape}, 1 process × 2 threads`,
      unit: 'tokens/s',
      better: 'higher',
      ours: found.one,
      peer: found.theirOne,
    }),
    row({
      name: '2 × 1 as a share of 1 × 2',
      unit: '%',
      better: 'higher',
      ours: found.pair.map((each, i) => (100 * each) / found.one[i]!),
      ...(found.theirPair.length > 0 && { peer: found.theirPair.map((each, i) => (100 * each) / found.theirOne[i]!) }),
      comparable: false,
      goal: { of: 'value', bound: 95 },
    }),
    row({
      name: `all-reduce of ${(bytes / 1e6).toFixed(0)} MB`,
      unit: 'GB/s',
      better: 'higher',
      ours: found.reduce,
      peer: found.theirReduce,
      peak: { of: 'a plain connection', value: median(found.plain) },
    }),
    row({ name: '    gradients under way', unit: 'ms', better: 'lower', ours: reduced.slice(1) }),
    row({ name: '    of that hidden behind backward', unit: '%', better: 'higher', ours: hidden.slice(1) }),
  );
  notes.push(
    `gradients of ${(gradientBytes / 1e6).toFixed(1)} MB in buckets of 25 MiB; a ring sends 2 (w − 1) / w of that per rank and step`,
  );
  context.rows.push(...made);
  for (const each of [pair, one, theirPair, theirOne]) if (each) each[Symbol.dispose]();

  if (hostsLack !== undefined) notes.push(`no slow links here: this machine lacks ${hostsLack}`);
  else made.push(...(await slowLinks(context, { gradientBytes, rows, tokens })));
  return { rows: made, notes };
}

function withModel<T>(look: (model: ReturnType<typeof newModel>) => T): T {
  const model = newModel(preset('bench'));
  const seen = look(model);
  model.dispose();
  return seen;
}

/** Over hosts with such links, of one thread each: the gradients alone, beside the formula; and whole steps of as many rows on each host. */
async function slowLinks(context: Context, { gradientBytes, rows, tokens }: Load): Promise<Row[]> {
  const { quick } = context;
  const made: Row[] = [];
  for (const [link, bitsPerSecond] of [
    ['100mbit', 1e8],
    ['1gbit', 1e9],
  ] as const) {
    let alone: number | undefined;
    for (const world of quick ? [1, 2] : [1, 2, 3, 4]) {
      using hosts = await Hosts.make(world, { rate: link });
      using ranks = await Ranks.start([...ourRank], {
        world,
        threads: 1,
        address: hosts.address(0),
        spawnAt: (rank, program, args, options) => hosts.spawn(rank, program, args, options),
      });
      const [reduces, steps]: [number[], number[]] = [[], []];
      await ranks.ask<Step>('step', { rows: world, tokens }); // warm-up
      for (let round = 0; round < (quick ? 1 : 2); round++) {
        steps.push(longest(await ranks.ask<Step>('step', { rows: rows * world, tokens })));
        if (world > 1) reduces.push(longest(await ranks.ask<Step>('allReduce', { bytes: gradientBytes, times: 1 })));
      }
      const seconds = median(steps);
      const all = reduces.length === 0 ? '' : `, ${median(reduces).toFixed(2)} s for all gradients`;
      context.log(`${link}: a step of ${world} ${world === 1 ? 'host' : 'hosts'} ${seconds.toFixed(2)} s${all}`);
      alone ??= seconds;
      if (world === 1) continue;
      made.push(
        row({
          name: `all gradients, ${world} hosts at ${link}/s`,
          unit: 's',
          better: 'lower',
          ours: reduces,
          peak: { of: 'the formula', value: (8 * gradientBytes * 2 * (world - 1)) / world / bitsPerSecond },
        }),
        row({
          name: `    a step of ${world} × ${rows} × ${tokens}`,
          unit: 's',
          better: 'lower',
          ours: steps,
          peak: { of: 'the forecast', value: stepForecast({ world, alone, rows, tokens, bitsPerSecond }) },
        }),
      );
    }
  }
  return made;
}

/** Seconds of a step as docs/scale-forecast.md reckons it, from those of one host. Hosts here share the cores of one machine. */
function stepForecast(of: {
  world: number;
  alone: number;
  rows: number;
  tokens: number;
  bitsPerSecond: number;
}): number {
  const { world, alone, rows, tokens, bitsPerSecond } = of;
  const config = preset('bench');
  const shape = { batchSize: rows, sequenceLength: tokens, activationCheckpointing: false };
  const flops = trainingFlops(config, shape) / (alone * Math.max(1, world / availableParallelism()));
  const between = { bytes: bitsPerSecond / 8, latency: 0 };
  const rates = { flops, ranksPerHost: 1, inside: between, between };
  return stepTime(config, { ...shape, gradientAccumulation: world }, { world, shard: 'none' }, rates).seconds;
}
