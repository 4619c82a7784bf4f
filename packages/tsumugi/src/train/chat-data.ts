// What every training on conversations takes from the model it begins with: the chat template, and where texts end.
import { contentHash } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import { formatInteger, inputAt, type RunInput, type RunInputs } from '../run/index.ts';
import {
  builtInTemplate,
  type ChatTemplate,
  type DataReport,
  describeReport,
  findTemplate,
  openTokenizer,
  type Tokenizer,
  templateHash,
  templateStopIds,
  templateTokens,
} from '../text/index.ts';
import { holdOut } from './hold-out.ts';

/** What a model learns to answer in when it has no template and none is named. */
const DEFAULT_TEMPLATE = 'instruction-ja';

/** A model's tokenizer, and the template that it will be trained in. @throws ConfigError for a template that is not there */
export function openChat(model: string, asked: string | undefined): { tokenizer: Tokenizer; template: ChatTemplate } {
  const { tokenizer } = openTokenizer(model);
  const template =
    findTemplate(model, tokenizer, asked) ?? builtInTemplate(DEFAULT_TEMPLATE, templateTokens(tokenizer))!;
  return { tokenizer, template };
}

/** A config whose texts end where the template's turns do, too. */
export function endingWith(config: Plamo2Config, template: ChatTemplate, tokenizer: Tokenizer): Plamo2Config {
  const more = templateStopIds(template, tokenizer);
  const ends = new Set([config.eos_token_id ?? []].flat());
  return more.every((id) => ends.has(id))
    ? config
    : { ...config, eos_token_id: [...ends, ...more.filter((id) => !ends.has(id))] };
}

const fileInputs = async (name: string, files: readonly string[]): Promise<RunInputs> =>
  Object.fromEntries(
    await Promise.all(files.map(async (file, i) => [`${name}.${i}`, inputAt(file, await contentHash(file))] as const)),
  );

const templateInput = (template: ChatTemplate): RunInput => ({
  path: template.name,
  sha256: templateHash(template),
  bytes: Buffer.byteLength(template.source),
  written: null,
});

/** What is learned from, and what is held out of it. */
export interface TuningData<T> {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  examples: readonly T[];
  heldOut: readonly T[];
  /** The files and the template, by hash. */
  inputs: RunInputs;
  /** What a person is told of them. */
  lines: readonly string[];
}

interface TuningSource<T> {
  model: string;
  template?: string | undefined;
  /** Files to learn from, and others to measure on or a share of the first. */
  data: readonly string[];
  heldOut: number | readonly string[];
  seed: number;
  /** What the rows are called. */
  what: string;
  read(
    files: readonly string[],
    chat: { tokenizer: Tokenizer; template: ChatTemplate },
  ): Promise<{ examples: readonly T[]; report: DataReport | readonly string[] }>;
  /** Examples of which these tokens are equal stay on one side. */
  tokensOf(example: T): Int32Array;
  /** What a share that is held out should have one of each of. */
  kindOf?(example: T): unknown;
}

const linesOf = (report: DataReport | readonly string[]): readonly string[] =>
  'length' in report ? report : describeReport(report);

/** @throws DataError as `read`, and when nothing can be held out; ConfigError for a template that is not there */
export async function openTuningData<T>(source: TuningSource<T>): Promise<TuningData<T>> {
  const { model, data, heldOut: asked, seed, what, tokensOf, kindOf } = source;
  const chat = openChat(model, source.template);
  const all = await source.read(data, chat);
  const files = typeof asked === 'number' ? undefined : asked;
  const own = files && (await source.read(files, chat));
  const { examples, heldOut } = own
    ? { examples: all.examples, heldOut: own.examples }
    : holdOut(all.examples, asked as number, seed, tokensOf, kindOf);
  const [learned, measured] = [examples, heldOut].map(({ length }) => formatInteger(length));
  return {
    ...chat,
    examples,
    heldOut,
    inputs: {
      ...(await fileInputs('data', data)),
      ...(files && (await fileInputs('heldOut', files))),
      template: templateInput(chat.template),
    },
    lines: [
      `chat template: ${chat.template.name}`,
      ...linesOf(all.report),
      ...(own ? linesOf(own.report) : []),
      `learned from: ${learned} ${what}, held out: ${measured}`,
    ],
  };
}

/** The files among the inputs, for the lineage: the template has a place of its own there. */
export const fileLineage = ({ template: _, ...files }: RunInputs) =>
  Object.values(files).map(({ path: name, sha256 }) => ({ name, sha256 }));
