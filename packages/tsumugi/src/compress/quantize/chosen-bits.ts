// Bits for each matrix of a model under a target, with the table that they were chosen by.
import type { MatrixBits } from './matrices.ts';
import { planWithBits, type QuantizePlan } from './plan.ts';
import { type MatrixSensitivity, type SensitivityOptions, sensitivityOf } from './sensitivity.ts';
import type { SourceModel } from './source.ts';

/** What the bits were chosen by. */
export interface ChosenBits {
  readonly targetBits: number;
  /** Of the text that costs were measured on. */
  readonly tokens: number;
  /** Whether nothing had to be measured: the model, the text and the settings are those of an earlier run. */
  readonly kept: boolean;
  /** Nats: the costs of all matrices added up. */
  readonly expectedKl: number;
  /** Each with what it costs alone, and the bits that it got; 16: kept. */
  readonly matrices: readonly (MatrixSensitivity & { readonly bits: MatrixBits })[];
}

/** The plan with the bits that matrices get; under a target they are chosen by what each costs. */
export async function withChosenBits(
  source: SourceModel,
  draft: QuantizePlan,
  hash: string,
  options: SensitivityOptions,
): Promise<{ plan: QuantizePlan; chosen?: ChosenBits }> {
  const { config, target } = draft;
  if (!target) return { plan: draft };
  const table = await sensitivityOf(source, config, hash, options);
  const costs = new Map(table.matrices.map((each) => [each.path, each]));
  const klOf = (path: string, bits: MatrixBits) => (bits === 16 ? 0 : costs.get(path)!.kl[bits]!);
  const matrices = target.choose(klOf);
  const expectedKl = matrices.reduce((sum, { path, bits }) => sum + klOf(path, bits), 0);
  const bitsOf = new Map(matrices.map(({ path, bits }) => [path, bits]));
  const rows = table.matrices.map((each) => ({ ...each, bits: bitsOf.get(each.path)! }));
  const { tokens, kept } = table;
  const chosen = { targetBits: config.targetBits!, tokens, kept, expectedKl, matrices: rows };
  return { plan: planWithBits(source.config, config, matrices, source.typeOf), chosen };
}
