// Drawing images with a trained generator: in evaluation mode, from noise that follows from a seed.
import { ConfigError, deriveSeed } from '../base/index.ts';
import { type GridOptions, writeImageGrid } from '../images/index.ts';
import { parameters } from '../nn/index.ts';
import { arange, cat, full, noGrad, Rng, randint, randn, scope, type Tensor } from '../torch/index.ts';
import { requireFiniteOutput } from './not-finite.ts';
import type { ImageGenerator } from './types.ts';

export interface SamplerOptions {
  seed: number;
  /** Of a conditional generator: one class for all images, or the classes in turn; uniform at random when left out. */
  label?: number | 'in turn' | undefined;
}

function checkLabel(label: SamplerOptions['label'], numClasses: number | null): void {
  if (label === undefined) return;
  if (numClasses === null)
    throw new ConfigError('no-classes', 'this generator is unconditional: it takes no label', {
      remedy: 'Leave the label out.',
    });
  if (label === 'in turn' || (Number.isInteger(label) && label >= 0 && label < numClasses)) return;
  throw new ConfigError('no-such-class', `a label is a whole number from 0 to ${numClasses - 1}, not ${label}`, {
    remedy: `Classes are numbered from 0: this generator has ${numClasses}.`,
    fields: { label, numClasses },
  });
}

/**
 * Makes images [count, C, H, W] in [−1, 1] on the generator's device, new ones with every call. Noise and labels are drawn
 * on the CPU: the same on every device.
 *
 * @throws ConfigError when the generator has no such class; UserError when what it draws is not finite
 */
export function imageSampler(network: ImageGenerator, { seed, label }: SamplerOptions): (count: number) => Tensor {
  const { numClasses, latentSize } = network;
  checkLabel(label, numClasses);
  const noise = new Rng(deriveSeed(seed, 'sample'));
  const classes = new Rng(deriveSeed(seed, 'sample labels'));
  const labelsOf = (count: number, K: number): Tensor => {
    if (label === 'in turn') return arange(0, count).remainder(K);
    if (label !== undefined) return full([count], label, { dtype: 'int64' });
    return randint(0, K, [count], classes);
  };
  return (count) => {
    const { training } = network;
    network.eval();
    try {
      return noGrad(() =>
        scope(() => {
          const { device } = parameters(network)[0]!;
          const labels = numClasses === null ? undefined : labelsOf(count, numClasses).to(device);
          const images = network.forward(randn([count, latentSize], noise).to(device), labels);
          requireFiniteOutput(images, network, 'what the generator draws');
          return images;
        }),
      );
    } finally {
      network.train(training);
    }
  };
}

/** Images to a batch while a grid is made: what the generator needs of memory does not grow with the grid. */
const batch = 100;
/** More classes than this are not a column each. */
const maxColumns = 20;

/** Writes a grid of `count` images as a PNG file; of a conditional generator the classes in turn, a column for each. */
export function writeSampleGrid(
  path: string,
  network: ImageGenerator,
  { count, label, seed, ...grid }: SamplerOptions & GridOptions & { count: number },
): void {
  const { numClasses } = network;
  const inTurn = numClasses !== null && label === undefined;
  // Labels in turn go on from batch to batch only when every batch begins with the first class.
  const each = inTurn ? Math.max(1, Math.floor(batch / numClasses)) * numClasses : batch;
  const draw = imageSampler(network, { seed, label: inTurn ? 'in turn' : label });
  scope(() => {
    const parts: Tensor[] = [];
    for (let from = 0; from < count; from += each) parts.push(draw(Math.min(each, count - from)));
    writeImageGrid(path, cat(parts), {
      columns: inTurn && numClasses <= maxColumns ? numClasses : undefined,
      ...grid,
    });
  });
}
