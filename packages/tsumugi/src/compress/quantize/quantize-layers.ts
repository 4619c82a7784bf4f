// The layers of a model, one after the other: what is done is on the disk, and the text goes on through it.
import { setImmediate } from 'node:timers/promises';
import { layerOf, loadTokenizer } from '../../lm/index.ts';
import { scope } from '../../torch/index.ts';
import { calibrationTexts } from '../importance/index.ts';
import { Calibration } from './calibration.ts';
import { finishedBlock } from './finished-block.ts';
import type { FinishedLayers } from './finished-layers.ts';
import { quantizeLayer } from './layer.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { QuantizePlan } from './plan.ts';
import type { QuantizeConfig } from './quantize-config.ts';
import type { SourceModel } from './source.ts';

export interface QuantizeProgress {
  /** Costs of matrices are measured first, under a target; at the end the result is compared with the model. */
  readonly phase: 'measuring' | 'quantizing' | 'comparing';
  readonly layer: number;
  readonly layers: number;
  /** Parameters of matrices that are done, and all of them; when measuring, passes through layers; when comparing, texts. */
  readonly done: number;
  readonly total: number;
}

/** The text that a method needs; undefined where it needs none. */
export async function calibrate(
  source: SourceModel,
  { method, sequenceLength, tokens }: QuantizeConfig,
  text: readonly string[],
): Promise<Calibration | undefined> {
  if (method === 'rtn') return undefined;
  const tokenizer = loadTokenizer(source.artefact.path, source.config);
  return new Calibration(
    source,
    await calibrationTexts(text, tokenizer, { sequenceLength, maxTokens: tokens, whole: true }),
  );
}

interface Work {
  finished: FinishedLayers;
  calibration: Calibration | undefined;
  onProgress: ((progress: QuantizeProgress) => unknown) | undefined;
  pause: (() => Promise<void>) | undefined;
}

/** Quantizes the layers that are not finished, and lets the text see the others. */
export async function quantizeLayers(
  source: SourceModel,
  { config, summary, matrices }: QuantizePlan,
  { finished, calibration, onProgress, pause }: Work,
): Promise<void> {
  const layers = source.config.num_hidden_layers;
  const resumed = finished.count;
  const quantized = matrices.filter(({ bits }) => bits !== 16);
  const total = quantized.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  let done = 0;
  for (let layer = 0; layer < layers; layer++) {
    const onMatrix = ({ shape }: PlannedMatrix) => {
      done += shape[0] * shape[1];
      onProgress?.({ phase: 'quantizing', layer, layers, done, total });
    };
    const own = quantized.filter(({ path }) => layerOf(path) === layer);
    if (layer < resumed) own.forEach(onMatrix);
    else
      scope(() => finished.add(layer, quantizeLayer(layer, own, { source, config, summary, onMatrix }, calibration)));
    if (calibration && layer + 1 < layers) {
      using block = finishedBlock(source, layer, finished.tensors(layer), own, summary);
      calibration.advance(block);
    }
    await setImmediate(); // progress
    await pause?.();
  }
}
