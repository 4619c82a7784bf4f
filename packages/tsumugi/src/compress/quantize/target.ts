// A number of bits per weight over the whole checkpoint: what each matrix may be, whether the target can be met, and the choice.
import { ConfigError } from '../../base/index.ts';
import type { Plamo2Config } from '../../lm/index.ts';
import type { QuantizationSummary } from '../../store/index.ts';
import { type DType, dtypeBytes, numElements } from '../../torch/index.ts';
import { chooseBits, leastBytes, type MatrixCosts } from './choose-bits.ts';
import { describeParts, sizeParts } from './least-parts.ts';
import { fitting, type MatrixBits, matricesOf, misfit, type PlannedMatrix } from './matrices.ts';
import type { QuantizeConfig } from './quantize-config.ts';
import { matrixBytes, sizeOf, storedType } from './size.ts';

/** Each matrix as everything that it can be, few bits first. Kinds that `tensorBits` names are what it says. @throws ConfigError */
function choicesOf(model: Plamo2Config, config: QuantizeConfig): PlannedMatrix[][] {
  const widths = ([4, 8, 16] as const).filter((bits) => bits >= config.bits);
  return [...matricesOf(model)].map((each) => {
    const given = config.tensorBits[each.kind];
    if (given !== undefined) return [fitting({ ...each, bits: given }, model, config)];
    return widths.map((bits) => ({ ...each, bits })).filter((matrix) => !misfit(matrix, model, config));
  });
}

/** The fewest bits that a matrix may get. */
export const fewestBits = ({ bits, tensorBits }: QuantizeConfig): 4 | 8 =>
  bits === 4 || Object.values(tensorBits).includes(4) ? 4 : 8;

/** What is measured: everything that is rounded, also what `tensorBits` keeps, so that other settings find it measured. */
export const candidatesOf = (model: Plamo2Config, config: QuantizeConfig): PlannedMatrix[] =>
  choicesOf(model, { ...config, bits: fewestBits(config), tensorBits: {} })
    .flat()
    .filter(({ bits }) => bits !== 16);

/** Nats that a matrix costs with so many bits; kept ones cost none. */
type CostOf = (path: string, bits: MatrixBits) => number;

/** A target for a model. */
export class Target {
  readonly choices: readonly PlannedMatrix[][];
  readonly #config: QuantizeConfig;
  readonly #summary: QuantizationSummary;
  readonly #typeOf: (name: string) => DType;
  /** For all matrices together. */
  readonly #budget: number;
  /** Of the whole model. */
  readonly bytes: number;
  readonly parameters: number;

  /**
   * @param summary of any choice: the layout is the same for all
   * @param typeOf types of the source's tensors
   * @throws ConfigError when no choice has so few bits, or everything can be kept
   */
  constructor(
    model: Plamo2Config,
    config: QuantizeConfig & { targetBits: number },
    summary: QuantizationSummary,
    typeOf: (name: string) => DType = () => 'float32',
  ) {
    this.#config = config;
    this.#summary = summary;
    this.#typeOf = typeOf;
    this.choices = choicesOf(model, config);
    const { targetBits } = config;
    const widest = this.choices.map((each) => each.at(-1)!);
    const { bytes, parameters } = sizeOf(model, widest, config, summary, typeOf);
    const others = bytes - widest.reduce((sum, each) => sum + this.#bytesOf(each), 0);
    this.parameters = parameters;
    this.bytes = Math.floor((targetBits * parameters) / 8);
    this.#budget = this.bytes - others;
    const least = leastBytes(this.#costs(() => 0));
    const bitsOf = (total: number) => (Math.ceil((800 * total) / parameters) / 100).toFixed(2);
    if (least > this.#budget) {
      const fewest = this.choices.map((each) => each.reduce((a, b) => (this.#bytesOf(b) < this.#bytesOf(a) ? b : a)));
      const parts = sizeParts(model, fewest, config, summary, typeOf);
      throw new ConfigError(
        'target-bits',
        `targetBits=${targetBits} is below what this model can have with ${config.bits} bits of a weight: the smallest is ` +
          `${bitsOf(others + least)} bits per weight (${describeParts(parts)})`,
        {
          remedy: `Choose targetBits=${bitsOf(others + least)} or more.`,
          fields: { least: others + least, parameters, parts },
        },
      );
    }
    if (this.bytes >= bytes)
      throw new ConfigError(
        'target-bits',
        `targetBits=${targetBits} leaves nothing to do: the model has ${bitsOf(bytes)} bits per weight when no more than tensorBits says is quantized`,
        { remedy: `Choose less than ${bitsOf(bytes)}.`, fields: { most: bytes, parameters } },
      );
  }

  #bytesOf(matrix: PlannedMatrix): number {
    if (matrix.bits !== 16) return matrixBytes(matrix, this.#summary);
    const name = `${matrix.path}.weight`;
    return numElements(matrix.shape) * dtypeBytes(storedType(name, this.#typeOf(name), this.#config));
  }

  #costs(costOf: CostOf): MatrixCosts[] {
    return this.choices.map((each) => ({
      path: each[0]!.path,
      costs: each.map((matrix) => ({
        bits: matrix.bits,
        bytes: this.#bytesOf(matrix),
        kl: matrix.bits === 16 ? 0 : costOf(matrix.path, matrix.bits),
      })),
    }));
  }

  /** The matrices with the bits that are chosen. */
  choose(costOf: CostOf): PlannedMatrix[] {
    const chosen = chooseBits(this.#costs(costOf), this.#budget);
    return this.choices.map((each, i) => each.find(({ bits }) => bits === chosen[i]!.bits)!);
  }
}
