// tokenizer_config.json, with the chat template that newer folders keep in a file beside it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { decodeUtf8, readBytes } from '../../base/index.ts';
import { readJson } from '../json.ts';
import type { JsonObject } from './artefact.ts';
import { CHAT_TEMPLATE_FILE, TOKENIZER_CONFIG_FILE } from './files.ts';

/**
 * What a folder says of its tokenizer, or undefined when it says nothing. A chat_template.jinja is its `chat_template`, whatever
 * tokenizer_config.json says, as Transformers has it.
 *
 * @throws FormatError for a file that is not what it should be
 */
export function readTokenizerConfig(folder: string): JsonObject | undefined {
  const [path, template] = [join(folder, TOKENIZER_CONFIG_FILE), join(folder, CHAT_TEMPLATE_FILE)];
  const config = existsSync(path) ? readJson(path, z.record(z.string(), z.json())) : undefined;
  if (!existsSync(template)) return config;
  return { ...config, chat_template: decodeUtf8(readBytes(template), template) };
}
