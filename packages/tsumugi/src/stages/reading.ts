// How text from outside is read, from the settings it was given with.
import type { StageInput } from '../recipe/index.ts';
import { type Corpus, openCorpus } from '../text/index.ts';
import { readingConfig } from './config.ts';

/** The text as a corpus. */
export function openText({ paths, settings }: StageInput): Corpus {
  const { encoding, ...rest } = readingConfig.parse(settings);
  return openCorpus(paths, { ...rest, ...(encoding !== undefined && { encoding }) });
}
