// Fine-tuning steps beside pre-training on the same rows, and beside the same step in PyTorch.
import { namedParameters } from 'tsumugi/nn';
import { type ExampleBatch, layOut } from 'tsumugi/text';
import { scope, type Tensor, tensor } from 'tsumugi/torch';
import { checkSame, withTensorFile } from '../lib/exchange.ts';
import type { Context } from '../lib/part.ts';
import type { Peer } from '../lib/peer.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import { examplesOf, type Gradients, settings, type Trainer, tokensOf } from './trainer.ts';

/** Of losses and of every gradient's norm. */
const tolerance = 1e-3;

/** Gives the peer our weights and the padded rows; fails when its loss or one of its gradients differs from ours. */
async function prepare(peer: Peer, trainer: Trainer, batch: ExampleBatch, gradients: Gradients): Promise<void> {
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

/** Returns what a reader must know of the rows. */
export async function fineTuning({ quick, log, rows, peer: start }: Context, trainer: Trainer): Promise<string[]> {
  using peer = await start('lm_training.py');
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
  const rate = (count: number, gradients: Gradients, name: string) =>
    trainer.rate(count, gradients, (found) => log(`${name}: ${found.toFixed(0)} tokens/s`));
  const samples = await interleave(quick ? 1 : 7, {
    pretraining: rate(tokensOf(packed), ours.pretraining, 'pre-training'),
    packed: rate(tokensOf(packed), ours.packed, 'fine-tuning'),
    padded: rate(tokens, ours.padded, 'fine-tuning, padded'),
    peer: peer && (async () => tokens / (await peer.ask<{ seconds: number }>('sample', { batch: 'sft' })).seconds),
  });
  const tokensPerSecond = { unit: 'tokens/s', better: 'higher' } as const;
  const name = `${packed.rows} × ${packed.columns}`;
  rows.push(
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
  );
  return [
    `fine-tuning: ${examples.length} examples of ${tokens.toLocaleString('en-US')} tokens, ${padded.predicted.toLocaleString('en-US')} of them learned, in one micro-batch, with AdamW, f32`,
    'pre-training and fine-tuning on the same rows: of all tokens that go through, padding included; the others: of the examples’ own tokens',
    ...(peer
      ? [
          `the peer is the same model in eager PyTorch, padded, and its head works on answers alone, too; its loss and the norms of all gradients are ours within ${tolerance}`,
        ]
      : []),
  ];
}
