// What quantizing a model will be: its matrices and their bits, sizes, seconds, memory, and everything that is refused beforehand.
import { checkOptions } from '../../base/index.ts';
import type { Plamo2Config } from '../../lm/index.ts';
import type { QuantizationSummary } from '../../store/index.ts';
import type { DType } from '../../torch/index.ts';
import { settingsFor } from './group-size.ts';
import { type KindBitsOrMixed, kindBits, kindsOf, type PlannedMatrix, plannedMatrices, summaryOf } from './matrices.ts';
import type { QuantizeConfig, QuantizeConfigInput } from './quantize-config.ts';
import { requireQuantizeText } from './require-text.ts';
import { costOf, measuringCost, type QuantizedSize, sizeOf } from './size.ts';
import { SourceModel } from './source.ts';
import { candidatesOf, Target } from './target.ts';

export interface QuantizeForecast extends QuantizedSize {
  readonly method: string;
  readonly layout: string;
  /** Under a target: "mixed" where it will be chosen, and sizes are those of the target. */
  readonly kinds: KindBitsOrMixed;
  readonly sourceBytes: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  /** Under a target with what measuring takes when nothing is kept of it. */
  readonly seconds: number;
}

export interface QuantizePlan {
  readonly config: QuantizeConfig;
  readonly kinds: KindBitsOrMixed;
  readonly summary: QuantizationSummary;
  /** Under a target that has not been chosen for: each with its fewest bits. */
  readonly matrices: readonly PlannedMatrix[];
  readonly size: QuantizedSize;
  readonly diskBytes: number;
  readonly target?: Target | undefined;
}

/** @throws ConfigError for settings that do not fit the model */
function planForShape(
  model: Plamo2Config,
  config: QuantizeConfig,
  typeOf?: ((name: string) => DType) | undefined,
): QuantizePlan {
  const bits = kindBits(config);
  const { targetBits } = config;
  if (targetBits !== undefined) {
    const summary = summaryOf(config, bits, []);
    const target = new Target(model, { ...config, targetBits }, summary, typeOf);
    const { bytes, parameters, choices } = target;
    const kinds = { ...kindsOf(choices.flat(), bits) };
    const size = { parameters, bytes, bitsPerWeight: targetBits };
    const matrices = choices.map(([fewest]) => fewest!);
    return { config, kinds, summary, matrices, size, diskBytes: 2 * bytes, target };
  }
  return planWithBits(model, config, plannedMatrices(model, config, bits), typeOf);
}

/** A plan of matrices whose bits are known. */
export function planWithBits(
  model: Plamo2Config,
  config: QuantizeConfig,
  matrices: readonly PlannedMatrix[],
  typeOf?: ((name: string) => DType) | undefined,
): QuantizePlan {
  const bits = kindBits(config);
  const summary = summaryOf(config, bits, matrices);
  const size = sizeOf(model, matrices, config, summary, typeOf);
  // Until the result is whole, its layers lie on the disk twice.
  return { config, kinds: kindsOf(matrices, bits), summary, matrices, size, diskBytes: 2 * size.bytes };
}

/** The plan for a model that is there. @throws ConfigError as `planForShape`, and without a text that is needed */
export function planForSource(source: SourceModel, input: QuantizeConfigInput, text: readonly string[]): QuantizePlan {
  const config = settingsFor(source.config, input);
  requireQuantizeText(config, text.length);
  return planForShape(source.config, config, source.typeOf);
}

function costOfPlan(model: Plamo2Config, { config, matrices, target }: QuantizePlan) {
  const { seconds, memoryBytes } = costOf(model, matrices, config);
  if (!target) return { seconds, memoryBytes };
  const measuring = measuringCost(model, candidatesOf(model, config), config);
  return {
    seconds: seconds + measuring.seconds,
    memoryBytes: Math.max(memoryBytes, measuring.memoryBytes),
  };
}

/** Seconds, memory and disk of a model of this shape, before it is there. */
export function quantizeForecast(
  model: Plamo2Config,
  input: QuantizeConfigInput,
): Pick<QuantizeForecast, 'seconds' | 'memoryBytes' | 'diskBytes'> {
  const plan = planForShape(model, settingsFor(model, input));
  return { ...costOfPlan(model, plan), diskBytes: plan.diskBytes };
}

/** What quantizing would take, and everything that `quantizeModel` would refuse before it begins. Nothing is written. */
export function planQuantizeModel(
  model: string,
  config: QuantizeConfigInput = {},
  options: { text?: readonly string[] | undefined } = {},
): QuantizeForecast {
  checkOptions('planQuantizeModel', options, { text: true });
  using source = new SourceModel(model);
  const plan = planForSource(source, config, options.text ?? []);
  const { size, kinds, summary, diskBytes } = plan;
  const { layout } = summary;
  const { sourceBytes } = source;
  const cost = costOfPlan(source.config, plan);
  return { method: plan.config.method, layout, kinds, ...size, sourceBytes, diskBytes, ...cost };
}
