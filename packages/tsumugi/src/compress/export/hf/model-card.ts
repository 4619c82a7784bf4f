// The model card: README.md with a head that the Hub reads, where the model comes from, what was measured, how to load it.
import { isMamba, type Plamo2Config } from '../../../lm/index.ts';
import type { DType } from '../../../torch/index.ts';
import type { Ancestor } from './ancestry.ts';
import { renderFrontMatter } from './front-matter.ts';

/** A figure that was measured. */
export interface CardEvaluation {
  /** What was measured: "jcommonsenseqa", "held-out". */
  readonly name: string;
  readonly metric: string;
  readonly value: number;
  /** Of the 95 % interval. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** How many samples it is over. */
  readonly samples?: number | undefined;
}

interface CardContent {
  /** As it will be called: "owner/name". */
  readonly name: string;
  readonly licence: string | undefined;
  readonly languages: readonly string[];
  readonly config: Plamo2Config;
  readonly dtype: DType;
  /** Of the model that was measured and exported, when the weights were in another type. */
  readonly sourceDtype: DType;
  readonly parameters: number;
  readonly bytes: number;
  /** The model itself first. */
  readonly ancestry: readonly Ancestor[];
  readonly evaluations: readonly CardEvaluation[];
  readonly version: string;
}

/** What the Hub calls a model that a stage made of another. */
const relations: Readonly<Record<string, string>> = {
  extend: 'finetune',
  sft: 'finetune',
  dpo: 'finetune',
  grpo: 'finetune',
  merge: 'merge',
  quantize: 'quantized',
};

export function modelCard(content: CardContent): string {
  const [self, ...others] = content.ancestry;
  const base = [...new Set(content.ancestry.flatMap(({ repo }) => repo ?? []))];
  const relation = relations[self?.made?.stage ?? ''];
  const head = renderFrontMatter({
    ...(content.licence !== undefined && { license: content.licence }),
    language: content.languages,
    ...(base.length > 0 && { base_model: base }),
    ...(base.length > 0 && relation !== undefined && { base_model_relation: relation }),
    pipeline_tag: 'text-generation',
    library_name: 'transformers',
    tags: ['plamo2', 'tsumugi'],
  });
  const parts = [
    `# ${content.name}`,
    shape(content),
    ...lineage(self, others),
    ...evaluation(content),
    ...use(content),
    '## Licence',
    content.licence === undefined
      ? 'Not stated. Licences of the models and data it was made from apply.'
      : `${content.licence}. Licences of the models and data it was made from apply as well.`,
    `Written by tsumugi ${content.version}.`,
  ];
  return `${head}\n${parts.join('\n\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

function shape({ config, parameters, dtype, bytes }: CardContent): string {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => isMamba(config, index));
  const mamba = layers.filter(Boolean).length;
  const full = config.full_attention_idx.length;
  const count = (value: number) => value.toLocaleString('en');
  const window =
    full === 0
      ? `a window of ${count(config.attention_window_size)} tokens`
      : `${full} of them full, the others with a window of ${count(config.attention_window_size)} tokens`;
  return (
    `A PLaMo 2 language model: ${count(parameters)} parameters, ${layers.length} layers ` +
    `(${mamba} Mamba, ${layers.length - mamba} attention: ${window}), hidden size ${count(config.hidden_size)}, ` +
    `vocabulary ${count(config.vocab_size)}; ${(bytes / 1e9).toFixed(2)} GB in ${dtype}.`
  );
}

function lineage(self: Ancestor | undefined, others: readonly Ancestor[]): string[] {
  if (!self) return [];
  const row = ({ label, made, parents, sha256 }: Ancestor) => [
    label,
    made ? [made.stage, made.recipe && `recipe ${made.recipe}`].filter(Boolean).join(', ') : '–',
    parents.join(', ') || '–',
    made?.seed === null || made === undefined ? '–' : String(made.seed),
    made?.commit?.slice(0, 12) ?? '–',
    `\`${sha256}\``,
  ];
  const data = [self, ...others].flatMap((each) =>
    each.data.map((one) => [one.label, each.label, `\`${one.sha256}\``]),
  );
  return [
    '## How it was made',
    table(['model', 'by', 'from', 'seed', 'code', 'SHA-256 of its files'], [self, ...others].map(row)),
    ...(data.length > 0 ? [table(['data', 'for', 'SHA-256'], data)] : []),
  ];
}

function evaluation({ evaluations, dtype, sourceDtype }: CardContent): string[] {
  if (evaluations.length === 0) return [];
  const number = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(4));
  const rows = evaluations.map(({ name, metric, value, low, high, samples }) => [
    name,
    metric,
    number(value),
    low === undefined || high === undefined ? '–' : `${number(low)} to ${number(high)}`,
    samples === undefined ? '–' : samples.toLocaleString('en'),
  ]);
  return [
    '## Evaluation',
    ...(dtype === sourceDtype
      ? []
      : [`Measured with the weights in ${sourceDtype}, before they were rounded to ${dtype}.`]),
    table(['task', 'metric', 'value', '95 % interval', 'samples'], rows),
  ];
}

function use({ name, config }: CardContent): string[] {
  const code = (language: string, ...lines: string[]) => ['```'.concat(language), ...lines, '```'].join('\n');
  const tsumugi = ['tsumugi:', code('sh', `npx tsumugi generate --model ${name} --prompt '吾輩は'`)];
  if (!config.qk_norm)
    return ['## Use', 'It has no QK-norm, which tsumugi alone knows: other programs cannot run it.', ...tsumugi];
  return [
    '## Use',
    ...tsumugi,
    'Transformers 4 runs the code of `auto_map` for it, which needs `mamba_ssm`, `causal_conv1d` and `numba`:',
    code(
      'python',
      'from transformers import AutoModelForCausalLM, AutoTokenizer',
      '',
      `tokenizer = AutoTokenizer.from_pretrained("${name}", trust_remote_code=True)`,
      `model = AutoModelForCausalLM.from_pretrained("${name}", trust_remote_code=True)`,
    ),
    'vLLM has the architecture itself:',
    code('sh', `vllm serve ${name} --trust-remote-code`),
    'llama.cpp, after a conversion:',
    code('sh', `npx tsumugi export --model ${name} --format gguf --out model.gguf`, 'llama-cli -m model.gguf'),
  ];
}
