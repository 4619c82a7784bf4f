// What every training on conversations takes from the model it begins with: the chat template, and where texts end.
import { contentHash } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import { inputAt, type RunInput, type RunInputs } from '../run/index.ts';
import {
  builtInTemplate,
  type ChatTemplate,
  findTemplate,
  openTokenizer,
  type Tokenizer,
  templateHash,
  templateStopIds,
  templateTokens,
} from '../text/index.ts';

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

export const fileInputs = async (name: string, files: readonly string[]): Promise<RunInputs> =>
  Object.fromEntries(
    await Promise.all(files.map(async (file, i) => [`${name}.${i}`, inputAt(file, await contentHash(file))] as const)),
  );

export const templateInput = (template: ChatTemplate): RunInput => ({
  path: template.name,
  sha256: templateHash(template),
  bytes: Buffer.byteLength(template.source),
  written: null,
});

/** The files among the inputs, for the lineage: the template has a place of its own there. */
export const fileLineage = ({ template: _, ...files }: RunInputs) =>
  Object.values(files).map(({ path: name, sha256 }) => ({ name, sha256 }));
