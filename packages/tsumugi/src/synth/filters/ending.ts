// Endings: a text that stops in the middle of a sentence.
import { checkOptions } from '../../base/index.ts';
import { drop, type Filter, KEEP } from './filter.ts';

/** The default is our choice. */
export interface EndingOptions {
  /** Characters with which a sentence may end, before closing brackets and quotes: `。．.！!？?…‥♪`. */
  ends?: string;
}

/** Brackets and quotes that close, by Unicode (Pe, Pf), and straight quotes. */
const closing = /[\p{Pe}\p{Pf}"']+$/u;

/** Drops texts whose last sentence is unfinished. A closing 」 or ） alone is an end: 「はい」 is a sentence. */
export function endingFilter(options: EndingOptions = {}): Filter {
  checkOptions('endingFilter', options, { ends: true });
  const ends = new Set(options.ends ?? '。．.！!？?…‥♪');
  return {
    name: 'ending',
    judge(text) {
      const whole = text.trimEnd();
      const last = [...whole.slice(-2)].at(-1) ?? '';
      if (ends.has(last) || closing.test(whole)) return KEEP;
      return drop(last === '' ? 'empty' : `ends with ${JSON.stringify(last)}, in the middle of a sentence`);
    },
  };
}
