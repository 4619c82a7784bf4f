// Training the benchmark's 18.3 M-parameter model at three context lengths, against the same model in PyTorch.
import { preset } from 'tsumugi/lm';
import { namedParameters, numParameters } from 'tsumugi/nn';
import { AdamW, decayGroups } from 'tsumugi/optim';
import { backward, memory, resetPeakMemory, scope } from 'tsumugi/torch';
import { checkSame, withTensorFile } from './lib/exchange.ts';
import { disturb, inputsAndTargets, newModel, randomTokens, type TokenBatch } from './lib/lm.ts';
import { matmulRate } from './lib/machine.ts';
import type { Context, PartResult } from './lib/part.ts';
import type { Peer } from './lib/peer.ts';
import { type Row, row } from './lib/row.ts';
import { interleave, type Sampler, seconds } from './lib/sampling.ts';
import { median } from './lib/statistics.ts';

const settings = { lr: 1e-4, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };
/** Of losses and of every gradient's norm. */
const tolerance = 1e-3;
const MiB = 2 ** 20;

/** To compare the models with: inside one window, and beyond it; no multiples of a chunk or a block. */
const checkedShapes = [
  [2, 300],
  [1, 1100],
] as const;
const shapes = (quick: boolean): [batch: number, tokens: number][] =>
  quick
    ? [
        [1, 128],
        [1, 640],
      ]
    : [
        [8, 512],
        [2, 2048],
        [1, 8192],
      ];

/** Our model with its optimizer, ready to step. */
class Trainer implements Disposable {
  readonly config = preset('bench');
  readonly model = newModel(this.config);
  readonly groups = decayGroups(this.model, { weightDecay: settings.weightDecay });
  readonly optimizer = new AdamW(this.groups, settings);
  readonly parameters = namedParameters(this.model);

  constructor() {
    disturb(this.model);
  }

  /** Loss of a batch, its gradients in `.grad`. */
  gradients(batch: TokenBatch): number {
    return scope(() => {
      this.optimizer.zeroGrad();
      const { loss } = this.model.loss(inputsAndTargets(batch));
      backward(loss);
      return loss.item();
    });
  }

  step(batch: TokenBatch): void {
    this.gradients(batch);
    this.optimizer.step(settings.lr);
  }

  [Symbol.dispose](): void {
    this.optimizer.dispose();
    this.model.dispose();
  }
}

/** Gives the peer our weights and tokens. */
async function prepare(peer: Peer, trainer: Trainer, batches: readonly TokenBatch[]): Promise<void> {
  const { config, groups, parameters } = trainer;
  const tensors = [...parameters, ...batches.map(({ name, tokens }) => [`tokens.${name}`, tokens] as const)];
  const named = groups.map((group) => ({
    names: group.parameters.map(([name]) => name),
    weightDecay: group.weightDecay,
  }));
  const count = await withTensorFile(tensors, (path) =>
    peer.ask<{ parameters: number }>('prepare', { path, config, settings: { ...settings, groups: named } }),
  );
  if (count.parameters !== numParameters(trainer.model))
    throw new Error(`the peer's model has ${count.parameters} parameters, ours ${numParameters(trainer.model)}`);
}

/** Fails when the peer's loss or one of its gradients differs from ours; then both take the step. */
async function checkStep(peer: Peer, trainer: Trainer, batch: TokenBatch): Promise<void> {
  const theirs = await peer.ask<{ loss: number; gradients: Record<string, number> }>('check', { batch: batch.name });
  checkSame(`loss of ${batch.name}`, [trainer.gradients(batch)], [theirs.loss], tolerance);
  for (const [name, parameter] of trainer.parameters) {
    const norm = scope(() => parameter.grad!.to('float64').square().sum().sqrt().item());
    checkSame(`gradient of ${name}`, [norm], [theirs.gradients[name]!], tolerance);
  }
  trainer.optimizer.step(settings.lr);
  await peer.ask('sample', { batch: batch.name });
}

/** Tokens per second of both sides at each shape, taken in turn, and the matmul rate in between. */
async function sample(context: Context, trainer: Trainer, peer: Peer | undefined, batches: readonly TokenBatch[]) {
  const samplers: Record<string, Sampler | undefined> = { matmul: () => matmulRate(context.quick) };
  const peaks: Record<string, number> = {};
  for (const batch of batches) {
    const { name, tokens } = batch;
    const count = tokens.size(0) * (tokens.size(1) - 1);
    samplers[`ours ${name}`] = () => {
      resetPeakMemory();
      const rate = count / seconds(() => trainer.step(batch));
      peaks[name] = memory().peakBytes;
      context.log(`${name}: ${rate.toFixed(0)} tokens/s`);
      return rate;
    };
    samplers[`peer ${name}`] =
      peer &&
      (async () => {
        const rate = count / (await peer.ask<{ seconds: number }>('sample', { batch: name })).seconds;
        context.log(`${name}: ${rate.toFixed(0)} tokens/s (peer)`);
        return rate;
      });
  }
  return { samples: await interleave(context.quick ? 1 : 5, samplers), peaks };
}

/** How much slower the last shape is than the first, in percent. */
const lossInPercent = (rates: readonly number[][]) =>
  rates[0]!.map((first, round) => 100 * (1 - rates.at(-1)![round]! / first));

export async function run(context: Context): Promise<PartResult> {
  using peer = await context.peer('lm_training.py');
  using trainer = new Trainer();
  const vocabulary = trainer.config.vocab_size;
  const checks = checkedShapes.map(([B, T]) => randomTokens(B, T, vocabulary));
  const batches = shapes(context.quick).map(([B, T]) => randomTokens(B, T, vocabulary));
  try {
    if (peer) {
      await prepare(peer, trainer, [...checks, ...batches]);
      for (const batch of checks) await checkStep(peer, trainer, batch);
    }
    const { samples, peaks } = await sample(context, trainer, peer, batches);
    const parameters = numParameters(trainer.model);
    // The best of the run: a disturbed yardstick would flatter both sides.
    const matmul = { of: 'matmul rate', value: Math.max(context.machine.matmulGflops, ...samples['matmul']!) };
    const of = (side: string) => batches.map(({ name }) => samples[`${side} ${name}`] ?? []);
    const [ours, theirs] = [of('ours'), of('peer')];
    const gflops = (rates: number[]) => rates.map((rate) => (6 * parameters * rate) / 1e9);
    const rows = batches.flatMap(({ name }, i): Row[] => [
      row({ name: `${name} tokens`, unit: 'tokens/s', better: 'higher', ours: ours[i]!, peer: theirs[i]! }),
      row({
        name: '    6 × parameters × tokens',
        unit: 'GFLOP/s',
        better: 'higher',
        ours: gflops(ours[i]!),
        peer: gflops(theirs[i]!),
        peak: matmul,
        ...(i === 0 && { goal: { of: 'share', bound: 0.5 } }),
      }),
      row({ name: '    peak memory', unit: 'MiB', better: 'lower', ours: [peaks[name]! / MiB] }),
    ]);
    const first = batches[0]!.name;
    const last = batches.at(-1)!.name;
    rows.push(
      row({
        name: `tokens/s lost from ${first} to ${last}`,
        unit: '%',
        better: 'lower',
        ours: lossInPercent(ours),
        ...(peer && { peer: lossInPercent(theirs) }),
        comparable: false,
        goal: { of: 'value', bound: 10 },
      }),
    );
    const notes = [
      `${parameters.toLocaleString('en-US')} parameters, f32; matmul rate in the same run ${matmul.value.toFixed(0)} GFLOP/s`,
    ];
    if (peer) {
      const { residentBytes } = await peer.ask<{ residentBytes: number }>('memory');
      const share = median(gflops(theirs[0]!)) / matmul.value;
      notes.push(
        `the peer is the same model: at ${checks.map(({ name }) => name).join(' and ')} tokens, a step apart, its loss and the norms of all ${trainer.parameters.length} gradients are ours within ${tolerance}`,
        `the peer at ${first}: ${Math.round(100 * share)} % of the matmul rate; its resident memory rose to ${Math.round(residentBytes / MiB)} MiB`,
      );
    }
    return { rows, notes };
  } finally {
    for (const { tokens } of [...checks, ...batches]) tokens.dispose();
  }
}
