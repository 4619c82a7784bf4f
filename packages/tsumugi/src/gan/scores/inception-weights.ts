// Weights of InceptionV3 from the files people have, with batch norm folded into the convolutions:
//
//   γ (Wx − μ)/√(σ² + ε) + β  =  (sW) x + (β − sμ),   s = γ/√(σ² + ε),   ε = 0.001
//
// - safetensors under torchvision's names: `<conv>.conv.weight` [out, in, h, w]; `<conv>.bn.weight` (1 if left out), `.bias`,
//   `.running_mean`, `.running_var` [out]; `fc.weight` [classes, 2048] and `fc.bias` if there is a last layer.
// - a tfjs layers model of Keras's InceptionV3. Its own head, if it has one, is left out.
import { CheckpointError, FormatError, sha256File } from '../../base/index.ts';
import { openSafetensors } from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import { type ConvStep, convSteps, NUM_FEATURES } from './inception-layout.ts';
import type { Folded } from './inception-v3.ts';
import { readTfjsLayers, type TfjsLayers } from './tfjs-layers.ts';
import type { TfjsLayer } from './tfjs-manifest.ts';

const EPSILON = 0.001;

export interface InceptionWeights {
  /** Kept; whoever makes a network of them owns them. */
  layers: Map<string, Folded>;
  /** SHA-256 that identifies the weights. */
  hash: string;
}

interface RawConv {
  /** [out, in, h, w] */
  weight: Tensor;
  gamma: Tensor | undefined;
  beta: Tensor;
  mean: Tensor;
  variance: Tensor;
}

function requireShape(tensor: Tensor, shape: readonly number[], name: string): void {
  if (tensor.shape.join() === shape.join()) return;
  throw new CheckpointError(
    'wrong-shape',
    `"${name}" has shape [${tensor.shape.join(', ')}], InceptionV3 needs [${shape.join(', ')}]`,
    { remedy: 'Check that the file holds an InceptionV3.', fields: { path: name } },
  );
}

function fold({ name, inChannels, outChannels, kernel }: ConvStep, raw: RawConv): Folded {
  requireShape(raw.weight, [outChannels, inChannels, ...kernel], name);
  const [gamma, beta, mean, variance] = [raw.gamma, raw.beta, raw.mean, raw.variance].map((each) => {
    if (each) requireShape(each, [outChannels], `${name}, batch norm`);
    return each?.to('float64');
  });
  const s = variance!.add(EPSILON).rsqrt();
  if (gamma) s.mul_(gamma);
  return {
    weight: raw.weight
      .to('float64')
      .mul(s.view([-1, 1, 1, 1]))
      .to('float32')
      .contiguous()
      .keep(),
    bias: beta!.sub(s.mul(mean!)).to('float32').keep(),
  };
}

/** @throws CheckpointError for a missing, unknown or misshapen tensor */
export function safetensorsInception(path: string): InceptionWeights {
  // The hash is the file's, so that an index of shards, which does not hold the weights, will not do.
  if (path.endsWith('.json'))
    throw new FormatError('sharded', `${path} is no single file of weights`, {
      remedy: 'Give one .safetensors file, or the folder of a tfjs layers model.',
      fields: { path },
    });
  using file = openSafetensors(path);
  const steps = convSteps();
  const known = new Set(
    steps.flatMap(({ name }) =>
      ['conv.weight', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'].map((part) => `${name}.${part}`),
    ),
  );
  // The auxiliary head and the count of batches are only used while training.
  const stray = file.names.find(
    (name) => !known.has(name) && !/^(?:fc\.(?:weight|bias)|AuxLogits\..*|.*\.num_batches_tracked)$/.test(name),
  );
  if (stray !== undefined)
    throw new CheckpointError('unexpected-tensor', `${path} holds "${stray}", which InceptionV3 does not have`, {
      remedy: 'Give weights under the names of torchvision’s inception_v3.',
      fields: { path: stray, file: path },
    });
  const layers = new Map<string, Folded>();
  for (const step of steps)
    layers.set(
      step.name,
      scope(() => {
        const part = (name: string) => file.tensor(`${step.name}.${name}`);
        return fold(step, {
          weight: part('conv.weight'),
          gamma: file.has(`${step.name}.bn.weight`) ? part('bn.weight') : undefined,
          beta: part('bn.bias'),
          mean: part('bn.running_mean'),
          variance: part('bn.running_var'),
        });
      }),
    );
  if (file.has('fc.weight'))
    layers.set(
      'fc',
      scope(() => {
        const [weight, bias] = [file.tensor('fc.weight'), file.tensor('fc.bias')];
        requireShape(weight, [bias.numel(), NUM_FEATURES], 'fc.weight');
        return { weight: weight.to('float32').clone().keep(), bias: bias.to('float32').clone().keep() };
      }),
    );
  return { layers, hash: sha256File(path) };
}

/** Number at the end of a Keras layer's name: `conv2d_12` → 12, `conv2d` → 0. */
const ordinal = ({ config }: TfjsLayer): number => Number(/_(\d+)$/.exec(config.name)?.[1] ?? 0);

/** Whether a Keras convolution is the one of the layout; for 1×1 both paddings are the same. */
function isSameConv({ config }: TfjsLayer, { kernel, stride, padding }: ConvStep): boolean {
  const same = config.padding === 'same';
  return (
    config.kernel_size?.join() === kernel.join() &&
    config.strides?.join() === `${stride},${stride}` &&
    (kernel.join() === '1,1' || same === padding.some((p) => p > 0))
  );
}

/** Keras's convolutions with their batch norms, in the order of the layout. @throws FormatError for another network */
function kerasConvs(model: TfjsLayers, folder: string): { step: ConvStep; conv: TfjsLayer; norm: TfjsLayer }[] {
  const refuse = (why: string): never => {
    throw new FormatError('not-inception-v3', `${folder} is no InceptionV3 of Keras: ${why}`, {
      remedy: 'Give a layers model of keras.applications.InceptionV3 (dist/models/inception_v3 of npm nsfwjs).',
      fields: { path: folder },
    });
  };
  const ofClass = (name: string) => model.layers.filter((layer) => layer.class_name === name);
  const steps = convSteps();
  const convs = ofClass('Conv2D').sort((a, b) => ordinal(a) - ordinal(b));
  if (convs.length !== steps.length) refuse(`it has ${convs.length} convolutions instead of ${steps.length}`);
  const padded = ofClass('AveragePooling2D').filter(({ config }) => config.padding === 'same');
  const reducing = ofClass('MaxPooling2D').filter(({ config }) => config.padding === 'valid');
  if (padded.length !== 9 || reducing.length !== 4) refuse('its pools are others');
  const norms = new Map(ofClass('BatchNormalization').map((norm) => [norm.inbound_nodes[0]?.[0]?.[0], norm]));
  return steps.map((step, i) => {
    const conv = convs[i]!;
    const norm = norms.get(conv.config.name) ?? refuse(`"${conv.config.name}" has no batch norm`);
    if (!isSameConv(conv, step)) refuse(`"${conv.config.name}" is another convolution than "${step.name}"`);
    if (norm.config.epsilon !== EPSILON) refuse(`the epsilon of "${norm.config.name}" is not ${EPSILON}`);
    return { step, conv, norm };
  });
}

/** @throws DataError, FormatError, CheckpointError naming what does not fit */
export function tfjsInception(folder: string): InceptionWeights {
  const model = readTfjsLayers(folder);
  const layers = new Map<string, Folded>();
  for (const { step, conv, norm } of kerasConvs(model, folder))
    layers.set(
      step.name,
      scope(() => {
        const part = (name: string) => model.weight(`${norm.config.name}/${name}`);
        return fold(step, {
          // Keras: [h, w, in, out]
          weight: model.weight(`${conv.config.name}/kernel`).permute([3, 2, 0, 1]),
          gamma: model.has(`${norm.config.name}/gamma`) ? part('gamma') : undefined,
          beta: part('beta'),
          mean: part('moving_mean'),
          variance: part('moving_variance'),
        });
      }),
    );
  return { layers, hash: model.hash };
}
