// startend: how a response, or each of its sentences, begins and ends.
import { strip } from '../../white-space.ts';
import { stripEnd, stripStart, type Verifier, withoutQuotations } from './verifier.ts';

const unquoted = (text: string) => stripStart(stripEnd(strip(text), '」』'), '」』');

export const endChecker: Verifier = (fields) => {
  const phrase = unquoted(fields.text('end_phrase'));
  return (response) => unquoted(response).endsWith(phrase);
};

export const quotation: Verifier = () => (response) => {
  const text = strip(response);
  return text.length > 1 && text.startsWith('「') && text.endsWith('」');
};

/** What stands after the last mark counts as a sentence too, be it a line end. */
export const sentenceUnifiedEnd: Verifier = (fields) => {
  const ending = fields.text('ending');
  return (response) =>
    withoutQuotations(response)
      .split(/[。！？]/)
      .every((sentence) => sentence === '' || sentence.endsWith(ending));
};
