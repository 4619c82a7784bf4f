// The language of a text, told by ELD's n-grams (an optional package). Japanese is also told by `japanese`, from its letters alone.
import { ConfigError, suggestion } from '../../base/index.ts';
import { loadLanguages } from '../../eval/index.ts';
import { drop, type Filter, KEEP } from '../filters/filter.ts';

/** Drops texts in other languages, and those whose language cannot be told. @throws UserError without the package */
export async function languageFilter({ is }: { is: string | readonly string[] }): Promise<Pick<Filter, 'judge'>> {
  const { language, languages } = await loadLanguages();
  const wanted = typeof is === 'string' ? [is] : is;
  const unknown = wanted.find((each) => !languages.includes(each));
  if (unknown !== undefined)
    throw new ConfigError('bad-option', `the filter language knows no "${unknown}"`, {
      remedy: suggestion(unknown, languages),
    });
  return {
    judge(text) {
      const found = language(text);
      if (found !== undefined && wanted.includes(found)) return KEEP;
      return drop(`${found ?? 'no language that can be told'}, not ${wanted.join(' or ')}`);
    },
  };
}
