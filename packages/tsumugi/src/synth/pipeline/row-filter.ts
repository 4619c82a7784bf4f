// Filters of a pipeline: each looks at one field of the rows that come to it, in their order.

import { drop, type Filter, KEEP, type Verdict } from '../filters/filter.ts';
import { characterFilter, endingFilter, japaneseFilter, lengthFilter, repetitionFilter } from '../filters/index.ts';
import { NearDuplicates } from '../near/index.ts';
import type { Asker } from './asker.ts';
import { contaminationFilter } from './contamination-filter.ts';
import { languageFilter } from './language-filter.ts';
import { perplexityJudge } from './perplexity-filter.ts';
import type { FilterConfig } from './pipeline-config.ts';
import { rangeFilter } from './range-filter.ts';
import { type SynthRow, textOf } from './row.ts';
import type { FilterStep } from './steps.ts';

/** A verdict on each row; undefined where it waits for the budget. */
export interface RowFilter {
  judge(rows: readonly SynthRow[]): Promise<(Verdict | undefined)[]>;
}

/** @param asker for perplexity, once rows come. @throws UserError for settings, tasks and files that do not fit */
export async function rowFilter({ config, label }: FilterStep, folder: string, asker: () => Asker): Promise<RowFilter> {
  if (config.filter === 'perplexity') return perplexityJudge(config, label, asker);
  const filter = await textFilter(config, folder);
  return { judge: async (rows) => rows.map((row) => filter.judge(textOf(row, config.field, label))) };
}

async function textFilter(
  config: Exclude<FilterConfig, { filter: 'perplexity' }>,
  folder: string,
): Promise<Pick<Filter, 'judge'>> {
  const { filter, field: _, ...settings } = config;
  if (filter in byThemselves) return byThemselves[filter as keyof typeof byThemselves](settings as never);
  return await withOthers[filter as keyof typeof withOthers](config as never, folder);
}

/** Keeps the first of texts that are alike. */
function nearFilter(settings: ConstructorParameters<typeof NearDuplicates>[0]): Pick<Filter, 'judge'> {
  const seen = new NearDuplicates(settings);
  return {
    judge(text) {
      const number = seen.add(text);
      return seen.isKept(number) ? KEEP : drop(`nearly the same as text ${seen.first(number) + 1} that came here`);
    },
  };
}

/** Filters whose settings are all they need. */
const byThemselves = {
  length: lengthFilter,
  japanese: japaneseFilter,
  characters: characterFilter,
  ending: endingFilter,
  repetition: repetitionFilter,
  range: rangeFilter,
  near: nearFilter,
} satisfies Partial<Record<FilterConfig['filter'], (settings: never) => Pick<Filter, 'judge'>>>;

const withOthers = { language: languageFilter, decontaminate: contaminationFilter };
