// Whether models can be merged: everything that speaks against it is named at once, before anything is written.
import { DataError } from '../../base/index.ts';
import { type Plamo2Config, tensorShapes } from '../../lm/index.ts';
import type { MergeModel } from './open-models.ts';

/** Keys that give the tensors their shapes and meaning. Window and RoPE base are compared layer by layer. */
const keys = [
  'hidden_size',
  'intermediate_size',
  'num_attention_heads',
  'num_key_value_heads',
  'hidden_size_per_head',
  'mamba_enabled',
  'mamba_num_heads',
  'mamba_d_state',
  'mamba_d_conv',
  'mamba_step',
  'rms_norm_eps',
  'tie_word_embeddings',
  'qk_norm',
] as const satisfies (keyof Plamo2Config)[];

function configMismatches(model: MergeModel, reference: MergeModel, more: readonly (keyof Plamo2Config)[]): string[] {
  return [...keys, ...more].flatMap((key) => {
    const [is, wanted] = [model.config[key], reference.config[key]];
    return is === wanted ? [] : [`${model.name}: ${key} is ${String(is)}, in ${reference.name} ${String(wanted)}`];
  });
}

/** A tied model's file may hold the head once more. */
const spareHead = 'lm_head.weight';

function tensorMismatches({ name, config, weights }: MergeModel): string[] {
  const shapes = tensorShapes(config);
  const found: string[] = [];
  for (const [tensor, shape] of shapes) {
    if (!weights.has(tensor)) {
      found.push(`${name}: there is no tensor "${tensor}"`);
      continue;
    }
    const info = weights.info(tensor);
    if (info.shape.join() !== shape.join())
      found.push(`${name}: "${tensor}" is [${info.shape.join(', ')}], by its config.json [${shape.join(', ')}]`);
    if (!/^b?float(16|32|64)$/.test(info.dtype)) found.push(`${name}: "${tensor}" holds ${info.dtype} values`);
  }
  for (const tensor of weights.names)
    if (!shapes.has(tensor) && tensor !== spareHead) found.push(`${name}: "${tensor}" is no tensor of a PLaMo 2`);
  return found;
}

function tokenizerMismatches(model: MergeModel, reference: MergeModel): string[] {
  const [is, wanted] = [model, reference].map(({ tokenizer }) => tokenizer?.sha256.slice(0, 12) ?? 'none');
  return is === wanted ? [] : [`${model.name}: the tokenizer is ${is}, of ${reference.name} ${wanted}`];
}

interface Demands {
  /** Whether rows of the embedding have one meaning in all models: they are not sorted by a tokenizer of the merge. */
  readonly sameTokenizer: boolean;
  /** Whether layers are taken one by one, so that models may have different numbers of them. */
  readonly stacked: boolean;
  /** What else does not fit, in words. */
  readonly others: readonly string[];
}

const shown = 20;

/** @throws DataError `merge-mismatch` that lists everything in which the models differ from the first */
export function requireCompatible(models: readonly MergeModel[], { sameTokenizer, stacked, others }: Demands): void {
  const [reference, ...rest] = models as [MergeModel, ...MergeModel[]];
  const more = [
    ...(sameTokenizer ? (['vocab_size'] as const) : []),
    ...(stacked ? [] : (['num_hidden_layers'] as const)),
  ];
  const mismatches = [
    ...rest.flatMap((model) => configMismatches(model, reference, more)),
    ...others,
    ...models.flatMap(tensorMismatches),
    ...(sameTokenizer ? rest.flatMap((model) => tokenizerMismatches(model, reference)) : []),
  ];
  if (mismatches.length === 0) return;
  const list = mismatches.slice(0, shown).map((each) => `\n  - ${each}`);
  const hidden = mismatches.length - list.length;
  const isVocabulary = sameTokenizer && mismatches.some((each) => /the tokenizer is|vocab_size/.test(each));
  throw new DataError(
    'merge-mismatch',
    `the models cannot be merged: ${mismatches.length} ${mismatches.length === 1 ? 'thing does' : 'things do'} not fit${list.join('')}${hidden > 0 ? `\n  - and ${hidden} more` : ''}`,
    {
      remedy: `Merge models of one shape${isVocabulary ? '; models of different tokenizers need "tokenizer: {source: union}" (or base) in the merge' : ''}.`,
      fields: { mismatches },
    },
  );
}
