// The builders that need no model, by name.
import { faqBuilder } from './faq.ts';
import { kanjiReadingBuilder } from './kanji-reading.ts';
import { particleClozeBuilder } from './particle-cloze.ts';
import type { Builder } from './question.ts';
import { synopsisBuilder } from './synopsis.ts';
import { newerTranslationBuilder, translateEnJaBuilder, translateJaEnBuilder } from './translation.ts';
import { wordClozeBuilder } from './word-cloze.ts';

/** In the order in which they are listed. */
export const BUILDERS = [
  particleClozeBuilder,
  wordClozeBuilder,
  kanjiReadingBuilder,
  faqBuilder,
  translateEnJaBuilder,
  translateJaEnBuilder,
  newerTranslationBuilder,
  synopsisBuilder,
] as readonly Builder<never>[] as readonly Builder[];

export const BUILDER_NAMES: readonly string[] = BUILDERS.map(({ name }) => name);
