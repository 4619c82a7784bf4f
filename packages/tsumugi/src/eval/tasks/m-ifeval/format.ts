// detectable_format: lists, sections, JSON, titles, emphasis, fixed answers, sentences that end in a noun.
import { strip } from '../../white-space.ts';
import { occurrences, stripEnd, stripStart, type Verifier, withoutQuotations } from './verifier.ts';

/** A list item begins with one ・; what follows it may stand on the next line. */
export const numberBulletLists: Verifier = (fields) => {
  const wanted = fields.count('num_bullets');
  return (response) => occurrences(response, /(?<![^\n])[^\S\n]*・[^・][^\n]*/g) === wanted;
};

export const numberNumberedLists: Verifier = (fields) => {
  const wanted = fields.count('num_items');
  return (response) => occurrences(response, /(?<![^\n])[^\S\n]*\p{Nd}+\.\s[^\n]*/gu) === wanted;
};

const answers = ['はい、そうです。', 'いいえ、違います。', 'どちらとも言えません。'];

export const constrainedResponse: Verifier = () => (response) => answers.some((answer) => response.includes(answer));

export const numberHighlightedSections: Verifier = (fields) => {
  const least = fields.count('num_highlights');
  return (response) => {
    const highlights = response.match(/《[^\n《》]*》/g) ?? [];
    return highlights.filter((highlight) => strip(highlight.slice(1, -1)) !== '').length >= least;
  };
};

const splitters = ['章', '節', '項'];

/** 第1章, 第２節, … wherever they stand. */
export const multipleSections: Verifier = (fields) => {
  const least = fields.count('num_sections');
  const splitter = strip(fields.text('section_spliter'));
  if (!splitters.includes(splitter)) throw fields.wrong('section_spliter', splitters.join(', '));
  const heading = new RegExp(`第\\p{Nd}+${splitter}`, 'gu');
  return (response) => occurrences(response, heading) >= least;
};

/** Any JSON value, with or without a code fence. */
export const jsonFormat: Verifier = () => (response) => {
  let text = strip(response);
  for (const fence of ['```json', '```Json', '```JSON', '```'])
    if (text.startsWith(fence)) text = text.slice(fence.length);
  if (text.endsWith('```')) text = text.slice(0, -3);
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** From the first 『 of a line to its last 』. */
export const title: Verifier = () => (response) =>
  response.split('\n').some((line) => {
    const found = line.slice(line.indexOf('『'), line.lastIndexOf('』') + 1);
    return found.startsWith('『') && strip(stripEnd(stripStart(found, '『'), '』')) !== '';
  });

/** 体言止め: a mark that ends a sentence after a noun, outside quotations. */
export const nominalEnding: Verifier = (fields, tools) => {
  const least = fields.count('count');
  return (response) => {
    const tokens = tools.tokens(withoutQuotations(response));
    const isEnd = (i: number) => '。！？'.includes(tokens[i]!.surface) && tokens[i - 1]!.noun;
    return tokens.filter((_, i) => i > 0 && isEnd(i)).length >= least;
  };
};
