// A GAN over ranks. Each rank judges images of its own, and all get the loss of all logits, of which only its own ones have gradients: added up
// over the ranks these are the gradients of the whole batch, whatever the loss is. The generator draws all images on every rank, since
// batch normalization looks at all of them.
import { ConfigError } from '../base/index.ts';
import { type Mesh, ownPart, reduceNumbers } from '../mesh/index.ts';
import { BatchNorm, type Module, namedModules } from '../nn/index.ts';
import { cat, noGrad, type Tensor, tensor, zeros } from '../torch/index.ts';
import type { GanParts } from './parts.ts';
import type { GanConfig } from './train-config.ts';

/** The images of a batch that a rank judges. */
export class Share {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly #mesh: Mesh;

  /** @param count images of the batch */
  constructor(mesh: Mesh, count: number) {
    const { from, to } = ownPart(mesh, count);
    this.from = from;
    this.to = to;
    this.count = count;
    this.#mesh = mesh;
  }

  /** Its rows of [B, …]. */
  of<T extends Tensor | undefined>(whole: T): T {
    if (!whole || this.#mesh.world === 1) return whole;
    return whole.narrow(0, this.from, this.to - this.from) as T;
  }

  /** The logits [B] of all images from those of its own, which keep their gradients. */
  gathered(own: Tensor): Tensor {
    if (this.#mesh.world === 1) return own;
    const all = noGrad(() => {
      const whole = zeros([this.count], { dtype: own.dtype, device: own.device });
      whole.narrow(0, this.from, this.to - this.from).copy_(own);
      this.#mesh.allReduce(whole).wait();
      return whole;
    });
    return cat([all.narrow(0, 0, this.from), own, all.narrow(0, this.to, this.count - this.to)]);
  }

  /** Of a mean over its own images: what that is of the mean over all. */
  weighed(mean: Tensor): Tensor {
    return this.#mesh.world === 1 ? mean : mean.mul((this.to - this.from) / this.count);
  }

  /** The sum of a scalar over the ranks, without gradient. */
  total(scalar: Tensor): Tensor {
    if (this.#mesh.world === 1) return scalar.detach();
    const [sum] = reduceNumbers(this.#mesh, [scalar.item()]);
    return tensor(sum!, { dtype: scalar.dtype, device: scalar.device });
  }
}

/** @throws ConfigError naming the setting, or the part, with which ranks cannot give what one process gives */
export function requireOverRanks(
  { world }: Pick<Mesh, 'world'>,
  { batchSize, generatorBatchSize = batchSize }: GanConfig,
  own: GanParts,
  discriminator: Module,
): void {
  if (world === 1) return;
  for (const [key, size] of Object.entries({ batchSize, generatorBatchSize }))
    if (size < world)
      throw new ConfigError('not-over-ranks', `${key}=${size} is fewer images than there are processes (${world})`, {
        remedy: `Set ${key}=${world} or more, or start fewer processes.`,
        fields: { key, value: size, world },
      });
  if ([...namedModules(discriminator)].some(([, module]) => module instanceof BatchNorm))
    throw new ConfigError(
      'not-over-ranks',
      `${own.discriminator ? `the discriminator "${own.discriminator.name}"` : 'normalization=batch'} judges an image beside the others of its batch, which are spread over ${world} processes`,
      { remedy: 'Choose another normalization (spectral, layer, weight, none), or train in one process.' },
    );
  if (own.penalty)
    throw new ConfigError(
      'not-over-ranks',
      `of the penalty "${own.penalty.name}" it is not known what it is of a part of a batch: it cannot be over ${world} processes`,
      { remedy: 'Leave the penalty out, or train in one process.' },
    );
}
