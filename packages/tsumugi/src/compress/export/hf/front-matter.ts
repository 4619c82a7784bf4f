// The head of a model card: YAML between two lines of "---", from which the Hub takes licence, language and what a model is of.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { decodeUtf8, isObject, readBytes } from '../../../base/index.ts';

export const CARD_FILE = 'README.md';
const MAX_CARD_BYTES = 4 << 20;

type FrontMatter = Readonly<Record<string, unknown>>;

/** Of the card in a folder; {} when there is none, or its head cannot be read: it is other people's. */
export function readFrontMatter(folder: string): FrontMatter {
  const path = join(folder, CARD_FILE);
  if (!existsSync(path)) return {};
  const [, head] = /^---\r?\n(.*?)\r?\n---\r?\n/s.exec(decodeUtf8(readBytes(path, MAX_CARD_BYTES), path)) ?? [];
  if (head === undefined) return {};
  try {
    const value: unknown = parse(head);
    return isObject(value) ? (value as FrontMatter) : {};
  } catch {
    return {};
  }
}

export const renderFrontMatter = (values: FrontMatter): string => `---\n${stringify(values)}---\n`;
