// The table of what quantizing each matrix alone costs: measured once for a model, a text and a way of rounding, then kept.
import { checkOptions, sha256 } from '../../base/index.ts';
import { loadTokenizer } from '../../lm/index.ts';
import { canonicalJson, packFp8, type QuantizationSummary, unpackFp8 } from '../../store/index.ts';
import { numElements, scope } from '../../torch/index.ts';
import { calibrationTexts } from '../importance/index.ts';
import { settingsFor } from './group-size.ts';
import { roundOptions } from './layer.ts';
import { kindBits, type MatrixKind, summaryOf } from './matrices.ts';
import { measureSensitivity } from './measure-sensitivity.ts';
import type { QuantizeConfig, QuantizeConfigInput } from './quantize-config.ts';
import { requireQuantizeText } from './require-text.ts';
import { rounded } from './round.ts';
import { keepSensitivity, keptSensitivity, type Measured } from './sensitivity-manifest.ts';
import { SourceModel } from './source.ts';
import { candidatesOf, fewestBits } from './target.ts';

/** Raised when the same weights, text and settings would give other costs. */
const version = 1;

export interface MatrixSensitivity {
  readonly path: string;
  readonly kind: MatrixKind;
  readonly parameters: number;
  /** Nats of next-token divergence from the model when this matrix alone has 8 or 4 bits; a number of bits that does not fit it is left out. */
  readonly kl: { readonly [bits in 4 | 8]?: number };
}

export interface Sensitivity {
  /** Of the text that it was measured on. */
  readonly tokens: number;
  /** Whether nothing had to be measured. */
  readonly kept: boolean;
  /** In the model's order. */
  readonly matrices: readonly MatrixSensitivity[];
}

export interface SensitivityOptions {
  /** Files and folders with text. */
  text: readonly string[];
  /** Called with the share that is measured, and the layer; may wait, and may throw to end it: finished layers stay. */
  onShare?: ((share: number, layer: number) => unknown) | undefined;
}

/**
 * What rounding each matrix of a model folder alone to 4 and to 8 bits costs, on the first `sensitivityTokens` of a text: the mean
 * divergence of the next token. It is kept in the user's cache, by the content of weights, tokens and settings. Nothing else is written.
 *
 * @throws ConfigError for settings that do not go together and without a text, UserError for a model that is quantized
 */
export async function quantizationSensitivity(
  model: string,
  input: QuantizeConfigInput,
  options: SensitivityOptions,
): Promise<Sensitivity> {
  checkOptions('quantizationSensitivity', options, { text: true, onShare: true });
  using source = new SourceModel(model);
  const config = settingsFor(source.config, { targetBits: 4, ...input });
  requireQuantizeText(config, options.text.length);
  const { hash } = await source.artefact.hashed();
  return await sensitivityOf(source, config, hash, options);
}

/** @param hash of the source's content */
export async function sensitivityOf(
  source: SourceModel,
  config: QuantizeConfig,
  hash: string,
  { text, onShare }: SensitivityOptions,
): Promise<Sensitivity> {
  const { sequenceLength, sensitivityTokens: maxTokens } = config;
  const tokenizer = loadTokenizer(source.artefact.path, source.config);
  const texts = await calibrationTexts(text, tokenizer, { sequenceLength, maxTokens, whole: true });
  const candidates = candidatesOf(source.config, config);
  const summary = summaryOf(config, kindBits(config), []);
  const { layout, groupSize, symmetric } = summary;
  const measured: Measured = {
    model: hash,
    text: sha256(JSON.stringify(texts)),
    rounding: canonicalJson({ version, layout, groupSize, symmetric, bits: fewestBits(config) }),
  };
  const known = keptSensitivity(measured);
  const kept = known.length === source.config.num_hidden_layers;
  if (!kept)
    await measureSensitivity({
      source,
      texts,
      candidates,
      known: [...known],
      round: (weight, matrix) => roundedAs(weight, matrix.bits as 4 | 8, config, summary),
      onLayer(costs) {
        known.push(costs);
        keepSensitivity(measured, known);
      },
      onShare,
    });
  const all = Object.assign({}, ...known) as Record<string, MatrixSensitivity['kl']>;
  const first = candidates.filter(({ path }, i) => path !== candidates[i - 1]?.path);
  return {
    tokens: texts.reduce((sum, { length }) => sum + length, 0),
    kept,
    matrices: first.map(({ path, kind, shape }) => ({ path, kind, parameters: numElements(shape), kl: all[path]! })),
  };
}

const roundedAs = (
  weight: Parameters<typeof rounded>[0],
  bits: 4 | 8,
  config: QuantizeConfig,
  summary: QuantizationSummary,
): ReturnType<typeof rounded> =>
  summary.layout === 'fp8'
    ? scope(() => unpackFp8(packFp8(weight)))
    : rounded(weight, roundOptions({ config, summary }, bits));
