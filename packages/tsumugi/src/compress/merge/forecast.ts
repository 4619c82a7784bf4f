// What a merge takes: disk, memory, time.
import { checkOptions } from '../../base/index.ts';
import { numElements } from '../../torch/index.ts';
import { bytesPerSecond } from '../rates.ts';
import { gateCost } from './gate-merged.ts';
import type { MergeConfigInput } from './merge-config.ts';
import type { MergePlan } from './merge-plan.ts';
import type { MergeMethodName } from './methods/index.ts';
import { type MergeOptions, withPlan } from './open-merge.ts';
import { methodNamed } from './parameters.ts';

export interface MergeForecast {
  readonly method: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** Node, libtorch. */
const runtimeBytes = 250e6;
const pieceBytes = 16 << 20;

const optionNames = { set: true, seed: true, resolveModel: true, gate: true } as const;
/** What a merge would take, and everything that `mergeModels` would refuse. Nothing is written. */
export async function planMergeModels(
  merge: string | MergeConfigInput,
  options: MergeOptions = {},
): Promise<MergeForecast> {
  checkOptions('planMergeModels', options, optionNames);
  return await withPlan(merge, options, (plan) => forecastOf(plan, options.gate));
}

export function forecastOf({ method, tensors, parameters, bytes, warnings }: MergePlan, gate?: boolean): MergeForecast {
  const models = Math.max(...tensors.map(({ models, base }) => models.length + (base ? 1 : 0)));
  const largest = Math.max(...tensors.map(({ shape }) => numElements(shape)));
  const cost = forecastMerge(method, { parameters, models, bytes, gate, largest });
  return { method, tensors: tensors.length, parameters, ...cost, warnings };
}

export interface MergeSize {
  readonly parameters: number;
  /** The base among them. */
  readonly models: number;
  /** Of the weights; in float32 unless given. */
  readonly bytes?: number | undefined;
  readonly gate?: boolean | undefined;
  /** Numbers of the largest tensor. */
  readonly largest?: number | undefined;
}

export function forecastMerge(
  method: string,
  { parameters, models, bytes = 4 * parameters, gate = true, largest }: MergeSize,
): Pick<MergeForecast, 'seconds' | 'memoryBytes' | 'diskBytes'> {
  const read = bytes * models * methodNamed(method as MergeMethodName).passes;
  // Each source, its δ, and as many again on the way to the result.
  const pieces = pieceBytes * (4 * models + 6);
  const compared = gate ? gateCost(parameters, models, largest) : { seconds: 0, memoryBytes: 0 };
  return {
    diskBytes: bytes,
    memoryBytes: runtimeBytes + Math.max(pieces, compared.memoryBytes),
    seconds: (read + bytes) / bytesPerSecond + compared.seconds,
  };
}
