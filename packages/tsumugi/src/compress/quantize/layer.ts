// One layer on its way to few bits: its matrices, as they came, see the text; then each is quantized by itself.
import { invariant, UserError } from '../../base/index.ts';
import { type Block, buildBlock, layerPath, withinLayer } from '../../lm/index.ts';
import { type Linear, moduleAt, namedParameters } from '../../nn/index.ts';
import type { CodeBits, NamedTensor, QuantizationSummary, QuantizedCodes } from '../../store/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { Probes } from '../probes.ts';
import { awqFolded } from './awq-fold.ts';
import type { Calibration } from './calibration.ts';
import { gptq, Hessian } from './gptq.ts';
import { InputSample, type Inputs } from './input-sample.ts';
import type { PlannedMatrix } from './matrices.ts';
import { type PackedTensor, packCodes, packWeight } from './packed.ts';
import type { QuantizeConfig } from './quantize-config.ts';
import { type RoundOptions, roundToNearest } from './round.ts';
import type { SourceModel } from './source.ts';

/** What the layers of a run share. */
export interface LayerWork {
  readonly source: SourceModel;
  readonly config: QuantizeConfig;
  readonly summary: QuantizationSummary;
  readonly onMatrix: (matrix: PlannedMatrix) => void;
}

/** How a matrix is rounded. */
export function roundOptions({ config, summary }: Pick<LayerWork, 'config' | 'summary'>, bits: CodeBits): RoundOptions {
  const leastZero = summary.layout === 'gptq' ? 1 : 0;
  return { bits, groupSize: config.groupSize, symmetric: summary.symmetric, leastZero };
}

const named = (path: string, parts: readonly PackedTensor[]): NamedTensor[] =>
  parts.map(({ part, tensor, stored }) => [
    `${path}.${part}`,
    stored ? { dtype: tensor.dtype, shape: tensor.shape, stored, read: () => tensor } : tensor,
  ]);

/**
 * What goes into the layer's file in place of its matrices, and of vectors that took something over.
 *
 * @param matrices those of the layer that are quantized
 */
export function quantizeLayer(
  layer: number,
  matrices: readonly PlannedMatrix[],
  work: LayerWork,
  calibration: Calibration | undefined,
): NamedTensor[] {
  if (work.config.method === 'rtn') return roundLayer(matrices, work);
  invariant(calibration !== undefined, 'a text for a method that needs one');
  return watchedLayer(layer, matrices, work, calibration);
}

/** A refusal in `body` says where. */
function placed<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [message] = error.message.split('\n');
    throw new UserError(error.code, `${place}: ${message}`, {
      ...(error.remedy !== undefined && { remedy: error.remedy }),
      fields: { ...error.fields, place },
      cause: error,
    });
  }
}

function roundLayer(matrices: readonly PlannedMatrix[], work: LayerWork): NamedTensor[] {
  const tensors: NamedTensor[] = [];
  for (const matrix of matrices) {
    const { path, bits } = matrix;
    const parts = placed(`"${path}.weight"`, () =>
      noGrad(() =>
        scope(() => {
          const weight = work.source.read(`${path}.weight`);
          if (work.summary.layout === 'fp8') return packWeight(weight);
          return pack(roundToNearest(weight, roundOptions(work, bits as CodeBits)), matrix, work);
        }),
      ),
    );
    tensors.push(...named(path, parts));
    work.onMatrix(matrix);
  }
  return tensors;
}

const pack = (codes: QuantizedCodes, { bits }: PlannedMatrix, { summary }: LayerWork): PackedTensor[] =>
  packCodes(codes, summary.layout, bits as CodeBits);

/** The text goes through the layer, whose matrices' inputs are added up. */
function watchPass(block: Block, inputs: ReadonlyMap<string, Inputs>, calibration: Calibration): void {
  using probes = new Probes(block);
  for (const [path, watched] of inputs) probes.watch(path, (input) => watched.add(input));
  calibration.pass(block);
}

function watchedLayer(
  layer: number,
  matrices: readonly PlannedMatrix[],
  work: LayerWork,
  calibration: Calibration,
): NamedTensor[] {
  const { source, config } = work;
  using stack = new DisposableStack();
  const block = stack.use(buildBlock(source.config, layer, (name) => source.read(name)));
  const inputs = new Map(
    matrices.map(({ path, shape }): [string, Inputs] => {
      const watched = config.method === 'gptq' ? new Hessian(shape[1]) : new InputSample(calibration.tokens);
      return [withinLayer(path), stack.use(watched)];
    }),
  );
  watchPass(block, inputs, calibration);
  const weightOf = (path: string): Tensor => (moduleAt(block, path) as Linear).weight;
  const tensors: NamedTensor[] = [];
  if (config.method === 'awq') {
    const samples = new Map(
      [...inputs].filter((each): each is [string, InputSample] => each[1] instanceof InputSample),
    );
    const changed = placed(`layer ${layer}`, () =>
      awqFolded(block, matrices, samples, (bits) => roundOptions(work, bits), source.config),
    );
    const all = new Map(namedParameters(block));
    for (const name of changed) tensors.push([layerPath(layer, name), scope(() => all.get(name)!.detach().clone())]);
  }
  for (const matrix of matrices) {
    const path = withinLayer(matrix.path);
    const options = roundOptions(work, matrix.bits as CodeBits);
    const parts = placed(`"${matrix.path}.weight"`, () =>
      noGrad(() =>
        scope(() => {
          const weight = weightOf(path).detach();
          const watched = inputs.get(path);
          const codes =
            watched instanceof Hessian
              ? gptq(weight, watched.value(), { ...options, actOrder: config.actOrder, damping: config.damping })
              : roundToNearest(weight, options);
          return pack(codes, matrix, work);
        }),
      ),
    );
    tensors.push(...named(matrix.path, parts));
    work.onMatrix(matrix);
  }
  return tensors;
}
