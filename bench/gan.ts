// Updates of a GAN (standard CNNs, 32×32, batch 64) against the same operators called from Python; what spectral
// normalization costs over none, and WGAN-GP.
import { checkSame, withTensorFile } from './lib/exchange.ts';
import { adam, GanSteps, ganMethods } from './lib/gan-steps.ts';
import type { Context, PartResult } from './lib/part.ts';
import type { Peer } from './lib/peer.ts';
import { type Row, row } from './lib/row.ts';
import { interleave, type Sampler, seconds } from './lib/sampling.ts';

type Kind = 'discriminator' | 'generator';
type Name = keyof typeof ganMethods;

/** Updates whose losses are compared before anything is measured. */
const checkedSteps = 2;

const measured: readonly { name: Name; kind: Kind; title: string }[] = [
  { name: 'none', kind: 'discriminator', title: 'discriminator, no normalization' },
  { name: 'sn', kind: 'discriminator', title: 'discriminator, spectral normalization' },
  { name: 'wgan-gp', kind: 'discriminator', title: 'discriminator, WGAN-GP' },
  { name: 'sn', kind: 'generator', title: 'generator, spectral normalization' },
];

const take = (steps: GanSteps, kind: Kind) =>
  kind === 'discriminator' ? steps.discriminatorStep() : steps.generatorStep();

/** Gives the peer the same networks, and checks that a few updates of both give the same losses. */
async function prepare(name: Name, steps: GanSteps, peer: Peer | undefined): Promise<void> {
  const settings = { case: name, ...steps.description, steps: checkedSteps };
  const answer = await (peer &&
    withTensorFile(steps.tensors(), (path) => peer.ask<{ losses: number[] }>('prepare', { ...settings, path })));
  const ours = Array.from({ length: checkedSteps }, () => [take(steps, 'discriminator'), take(steps, 'generator')]);
  if (answer) checkSame(name, ours.flat(), answer.losses, 1e-3);
}

export async function run(context: Context): Promise<PartResult> {
  using peer = await context.peer('gan.py');
  using stack = new DisposableStack();
  const steps = {} as Record<Name, GanSteps>;
  for (const name of Object.keys(ganMethods) as Name[]) {
    steps[name] = stack.use(new GanSteps(ganMethods[name], context.quick));
    await prepare(name, steps[name], peer);
  }

  // As many updates per sample as take some 0.3 s here.
  const first = steps.none;
  const count = context.quick ? 1 : Math.max(1, Math.round(0.3 / seconds(() => take(first, 'discriminator'))));
  const samplers: Record<string, Sampler | undefined> = {};
  for (const { name, kind, title } of measured) {
    const work = () => {
      for (let i = 0; i < count; i++) take(steps[name], kind);
    };
    samplers[`ours: ${title}`] = () => seconds(work) / count;
    samplers[`peer: ${title}`] =
      peer &&
      (async () => (await peer.ask<{ seconds: number }>('sample', { case: name, kind, count })).seconds / count);
  }
  const taken = await interleave(context.quick ? 2 : 11, samplers);

  const { batch } = first;
  const rate = (times: readonly number[]) => times.map((time) => batch / time);
  const rows: Row[] = measured.map(({ title }) =>
    row({
      name: `updates of the ${title}`,
      unit: 'images/s',
      better: 'higher',
      ours: rate(taken[`ours: ${title}`]!),
      peer: rate(taken[`peer: ${title}`]!),
      goal: { of: 'speed', bound: 0.97 },
    }),
  );
  const base = measured[0]!.title;
  for (const { title } of measured.slice(1, 3)) {
    // Round by round: the two were measured one after the other.
    const overhead = (side: string) =>
      taken[`${side}: ${title}`]!.map((time, round) => 100 * (time / taken[`${side}: ${base}`]![round]! - 1));
    rows.push(
      row({
        name: `${title}, over no normalization`,
        unit: '% more time',
        better: 'lower',
        ours: overhead('ours'),
        peer: overhead('peer'),
        comparable: false,
      }),
    );
  }
  const notes = [
    `standard CNNs for 3×32×32 (3.8 M and 2.9 M parameters), batch ${batch}, Adam ${adam.lr}; making the fakes is in every update`,
    'an update of the generator takes no gradients of the discriminator’s weights, on both sides',
    'images in the usual layout on both sides: channels-last gains nothing in these networks',
  ];
  if (peer) notes.push(`from the same weights the losses of the first ${checkedSteps} updates of both networks agree`);
  return { rows, notes };
}
