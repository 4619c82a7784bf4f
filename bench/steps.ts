// Training steps of three small models, forward, backward and AdamW, against the same operators called from Python.
import { namedParameters } from 'tsumugi/nn';
import { AdamW } from 'tsumugi/optim';
import { backward, Rng, scope } from 'tsumugi/torch';
import { checkSame, withTensorFile } from './lib/exchange.ts';
import type { Context, PartResult } from './lib/part.ts';
import type { Peer } from './lib/peer.ts';
import { type Row, row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';
import { type StepModel, stepModels } from './lib/step-models.ts';

const settings = { lr: 1e-4, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.01 };
const checkedSteps = 3;

async function compare(
  context: Context,
  name: string,
  title: string,
  model: StepModel,
  peer: Peer | undefined,
): Promise<Row> {
  const named = namedParameters(model.module);
  using optimizer = new AdamW([{ parameters: named }], settings);
  const step = () =>
    scope(() => {
      optimizer.zeroGrad();
      const loss = model.loss();
      backward(loss);
      optimizer.step(settings.lr);
      return loss.item();
    });
  const tensors = [...named, ['input', model.input], ['target', model.target]] as const;
  const answer = peer
    ? await withTensorFile(tensors, (path) =>
        peer.ask<{ losses: number[] }>('prepare', { case: name, path, settings, steps: checkedSteps }),
      )
    : undefined;
  const losses = Array.from({ length: checkedSteps }, step);
  if (answer) checkSame(title, losses, answer.losses, 1e-3);

  // As many steps per sample as take some 0.3 s here.
  const count = context.quick ? 1 : Math.max(1, Math.round(0.3 / Math.min(seconds(step), seconds(step))));
  const work = () => {
    for (let i = 0; i < count; i++) step();
  };
  const milliseconds = await interleave(context.quick ? 2 : 11, {
    ours: () => (1e3 * seconds(work)) / count,
    peer: peer && (async () => (1e3 * (await peer.ask<{ seconds: number }>('sample', { count })).seconds) / count),
  });
  return row({
    name: title,
    unit: 'ms per step',
    better: 'lower',
    ...milliseconds,
    goal: { of: 'speed', bound: 0.95 },
  });
}

export async function run(context: Context): Promise<PartResult> {
  using peer = await context.peer('steps.py');
  const { rows } = context;
  for (const [name, { title, make }] of Object.entries(stepModels)) {
    const model = make(new Rng(1), context.quick);
    try {
      rows.push(await compare(context, name, title, model, peer));
    } finally {
      for (const owner of [model.module, model.input, model.target]) owner.dispose();
    }
  }
  const notes = [
    'the same operators on both sides (no kernels of ours in forward and backward), optimizers at their best',
  ];
  if (peer) notes.push(`from the same weights the first ${checkedSteps} losses agree`);
  return { rows, notes };
}
