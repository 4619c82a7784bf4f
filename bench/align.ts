// Fine-tuning steps of the benchmark's 18.3 M-parameter model: beside pre-training on the same rows, and beside the same step in PyTorch.
import { RandomStream } from 'tsumugi/base';
import { preset } from 'tsumugi/lm';
import { namedParameters } from 'tsumugi/nn';
import { AdamW, decayGroups } from 'tsumugi/optim';
import { type Example, type ExampleBatch, layOut } from 'tsumugi/text';
import { scope, type Tensor, tensor } from 'tsumugi/torch';
import { ExampleSteps, sftLoss, stepGradients } from 'tsumugi/train';
import { checkSame, withTensorFile } from './lib/exchange.ts';
import { disturb, newModel } from './lib/lm.ts';
import type { Context, PartResult } from './lib/part.ts';
import type { Peer } from './lib/peer.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';
import { median } from './lib/statistics.ts';

const settings = { lr: 1e-4, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };
const computing = { dtype: 'float32', activationCheckpointing: false, zLoss: 0 } as const;
/** Of losses and of every gradient's norm. */
const tolerance = 1e-3;

/** Questions and answers of random tokens; about a third of them is to be learned, as in instruction data with short answers. */
function examplesOf(count: number, longest: number, vocabulary: number): Example[] {
  const random = new RandomStream(7);
  return Array.from({ length: count }, (_, i) => {
    const length = Math.floor(longest / 8) + random.below(longest - Math.floor(longest / 8));
    const ids = Int32Array.from({ length }, () => random.below(vocabulary));
    const learned = new Uint8Array(length).fill(1, Math.ceil((2 * length) / 3));
    return { ids, learned, source: { file: 'random', row: i + 1 } };
  });
}

const tokensOf = (batch: ExampleBatch) => batch.rows * batch.columns;
const whole = (examples: readonly Example[]) =>
  examples.map((each) => ({ ...each, learned: new Uint8Array(each.ids.length).fill(1) }));

class Trainer implements Disposable {
  readonly config = preset('bench');
  readonly model = newModel(this.config);
  readonly groups = decayGroups(this.model, { weightDecay: settings.weightDecay });
  readonly optimizer = new AdamW(this.groups, settings);

  constructor() {
    disturb(this.model);
  }

  /** What takes the gradients of these examples as training does, all at once. */
  gradientsOf(examples: readonly Example[], layout: 'packed' | 'padded', sequenceLength: number): () => number {
    const batchSize = examples.length;
    const steps = new ExampleSteps(examples, { sequenceLength, batchSize, gradientAccumulation: 1, layout, padding: 0, seed: 0 }); // biome-ignore format: one line of settings
    const lossOf = sftLoss(steps, { neftune: 0, seed: 0 });
    const gradients = stepGradients(this.model, (step) => steps.at(step), computing, { lossOf });
    return () => {
      this.optimizer.zeroGrad();
      return gradients(0).loss;
    };
  }

  /** The next-token training of the rows that hold these examples. */
  pretrainingOf(examples: readonly Example[], sequenceLength: number): () => number {
    const batch = layOut(whole(examples), { layout: 'packed', sequenceLength });
    const gradients = stepGradients(this.model, () => ({ batch, microRows: batch.rows, tokensSeen: 0 }), computing);
    return () => {
      this.optimizer.zeroGrad();
      return gradients(0).loss;
    };
  }

  step(gradients: () => number): void {
    gradients();
    this.optimizer.step(settings.lr);
  }

  [Symbol.dispose](): void {
    this.optimizer.dispose();
    this.model.dispose();
  }
}

/** Gives the peer our weights and the padded rows; fails when its loss or one of its gradients differs from ours. */
async function prepare(peer: Peer, trainer: Trainer, batch: ExampleBatch, gradients: () => number): Promise<void> {
  const shape = [batch.rows, batch.columns];
  const [tokens, targets] = [batch.tokens, batch.targets].map((values) =>
    tensor(values, { shape, dtype: 'int64' }).keep(),
  ) as [Tensor, Tensor];
  try {
    const named = trainer.groups.map(({ parameters, weightDecay }) => ({
      names: parameters.map(([name]) => name),
      weightDecay,
    }));
    await withTensorFile(
      [...namedParameters(trainer.model), ['examples.sft', tokens], ['targets.sft', targets]],
      (path) => peer.ask('prepare', { path, config: trainer.config, settings: { ...settings, groups: named } }),
    );
  } finally {
    for (const each of [tokens, targets]) each.dispose();
  }
  const theirs = await peer.ask<{ loss: number; gradients: Record<string, number> }>('check', { batch: 'sft' });
  checkSame('loss of the examples', [gradients()], [theirs.loss], tolerance);
  for (const [name, parameter] of namedParameters(trainer.model)) {
    const norm = scope(() => parameter.grad!.to('float64').square().sum().sqrt().item());
    checkSame(`gradient of ${name}`, [norm], [theirs.gradients[name]!], tolerance);
  }
}

export async function run(context: Context): Promise<PartResult> {
  using peer = await context.peer('lm_training.py');
  using trainer = new Trainer();
  const { quick } = context;
  const sequenceLength = quick ? 128 : 512;
  const examples = examplesOf(quick ? 4 : 24, sequenceLength, trainer.config.vocab_size);
  const [packed, padded] = (['packed', 'padded'] as const).map((layout) => layOut(examples, { layout, sequenceLength })) as [ExampleBatch, ExampleBatch]; // biome-ignore format: a pair
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const ours = {
    packed: trainer.gradientsOf(examples, 'packed', sequenceLength),
    padded: trainer.gradientsOf(examples, 'padded', sequenceLength),
    pretraining: trainer.pretrainingOf(examples, sequenceLength),
  };
  if (peer) await prepare(peer, trainer, padded, ours.padded);
  const rate = (count: number, gradients: () => number, name: string) => () => {
    const found = count / seconds(() => trainer.step(gradients));
    context.log(`${name}: ${found.toFixed(0)} tokens/s`);
    return found;
  };
  const samples = await interleave(quick ? 1 : 7, {
    pretraining: rate(tokensOf(packed), ours.pretraining, 'pre-training'),
    packed: rate(tokensOf(packed), ours.packed, 'fine-tuning'),
    padded: rate(tokens, ours.padded, 'fine-tuning, padded'),
    peer: peer && (async () => tokens / (await peer.ask<{ seconds: number }>('sample', { batch: 'sft' })).seconds),
  });
  const name = `${packed.rows} × ${packed.columns}`;
  const tokensPerSecond = { unit: 'tokens/s', better: 'higher' } as const;
  return {
    rows: [
      row({ name: `pre-training, rows of ${name}`, ...tokensPerSecond, ours: samples.pretraining }),
      row({
        name: '    fine-tuning on these rows',
        ...tokensPerSecond,
        ours: samples.packed,
        peak: { of: 'pre-training', value: median(samples.pretraining) },
        goal: { of: 'share', bound: 0.95 },
      }),
      row({
        name: `fine-tuning, padded to ${padded.rows} × ${padded.columns}`,
        ...tokensPerSecond,
        ours: samples.padded,
        peer: samples.peer,
        goal: { of: 'speed', bound: 1.5 },
      }),
      row({
        name: '    packed, beside the peer padded',
        ...tokensPerSecond,
        ours: samples.packed.map((each) => (each * tokens) / tokensOf(packed)),
        peer: samples.peer,
      }),
    ],
    notes: [
      `${examples.length} examples of ${tokens.toLocaleString('en-US')} tokens, ${padded.predicted.toLocaleString('en-US')} of them learned, in one micro-batch, with AdamW, f32`,
      'pre-training and fine-tuning on the same rows: of all tokens that go through, padding included; the others: of the examples’ own tokens',
      ...(peer
        ? [
            `the peer is the same model in eager PyTorch, padded, and its head works on answers alone, too; its loss and the norms of all gradients are ours within ${tolerance}`,
          ]
        : []),
    ],
  };
}
