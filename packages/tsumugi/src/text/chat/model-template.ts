// Which template a model has: the one in its folder, or one that is named.
import { existsSync } from 'node:fs';
import { DataError, decodeUtf8, isObject, readBytes } from '../../base/index.ts';
import { type JsonObject, readTokenizerConfig, TOKENIZER_CONFIG_FILE } from '../../store/index.ts';
import { MAX_TEMPLATE_CHARACTERS } from '../limits.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate, plainTemplate, TEMPLATES, templateTokens } from './built-in.ts';
import { type ChatTemplate, jinjaTemplate, unknownTemplate } from './template.ts';

/** The templates of a tokenizer_config.json by name: one text, which is the default, or a list of them. */
export function templatesOf(tokenizerConfig: JsonObject | undefined): ReadonlyMap<string, string> {
  const value = tokenizerConfig?.['chat_template'];
  if (typeof value === 'string') return new Map([['default', value]]);
  if (!Array.isArray(value)) return new Map();
  const templates = new Map<string, string>();
  for (const each of value as unknown[]) {
    const { name, template } = isObject(each) ? each : {};
    if (typeof name === 'string' && typeof template === 'string') templates.set(name, template);
  }
  return templates;
}

/** The template that answers a conversation: the default of several, or the only one. */
export function defaultTemplate(tokenizerConfig: JsonObject | undefined): string | undefined {
  const templates = templatesOf(tokenizerConfig);
  return templates.get('default') ?? (templates.size === 1 ? [...templates.values()][0] : undefined);
}

/**
 * The template of the model in `folder`: `asked` (one of `TEMPLATES`, one of several in the folder, or a file that ends in .jinja),
 * the folder's own, or undefined when it has none.
 *
 * @throws ConfigError for a name that is none of these, FormatError for what is no Jinja
 */
export function findTemplate(folder: string, tokenizer: Tokenizer, asked?: string): ChatTemplate | undefined {
  const tokens = templateTokens(tokenizer);
  const config = readTokenizerConfig(folder);
  const own = templatesOf(config);
  const inFolder = (name: string, source: string) =>
    jinjaTemplate({ name, source, tokens, where: `the chat template of ${folder} (${TOKENIZER_CONFIG_FILE})` });
  if (asked === undefined) {
    const source = defaultTemplate(config);
    if (source !== undefined) return inFolder('model', source);
    if (own.size === 0) return undefined;
    throw new DataError('chat-templates', `${folder} has several chat templates and none called "default"`, {
      remedy: `Name one with --template: ${[...own.keys()].join(', ')}.`,
      fields: { folder },
    });
  }
  if (asked.endsWith('.jinja')) {
    if (!existsSync(asked)) throw unknownTemplate(asked, TEMPLATES);
    const source = decodeUtf8(readBytes(asked, 4 * MAX_TEMPLATE_CHARACTERS), asked);
    return jinjaTemplate({ name: asked, source, tokens, where: `the chat template ${asked}` });
  }
  const named = own.get(asked);
  if (named !== undefined) return inFolder(asked, named);
  const builtIn = builtInTemplate(asked, tokens);
  if (!builtIn) throw unknownTemplate(asked, [...own.keys(), ...TEMPLATES]);
  return builtIn;
}

/** As `findTemplate`, or `plainTemplate` for a model that has none. */
export const openTemplate = (folder: string, tokenizer: Tokenizer, asked?: string): ChatTemplate =>
  findTemplate(folder, tokenizer, asked) ?? plainTemplate;

/** The ids of special pieces that end an answer: they belong into generation_config.json, where other programs look for them. */
export const templateStopIds = (template: ChatTemplate, tokenizer: Tokenizer): number[] =>
  template.stop
    .map((text) => tokenizer.idOf(text))
    .filter((id): id is number => id !== undefined && tokenizer.vocabulary.isSpecial(id));
