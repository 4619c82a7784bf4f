// length_constraints: how many sentences, letters, paragraphs, and how a paragraph begins.
import { strip } from '../../white-space.ts';
import { sentences } from './sentences.ts';
import { codePoints, stripStart, type Verifier } from './verifier.ts';

export const numberSentences: Verifier = (fields) => {
  const holds = fields.relation('relation', 'num_sentences');
  return (response) => holds(sentences(response).length);
};

/** Letters are code points, white space and marks included. */
export const numberLetters: Verifier = (fields) => {
  const holds = fields.relation('relation', 'num_letters');
  return (response) => holds(codePoints(response));
};

/** Paragraphs between `***`; a divider before the first or after the last is allowed, two in a row are not. */
export const numberParagraphs: Verifier = (fields) => {
  const wanted = fields.count('num_paragraphs');
  return (response) => {
    const parts = response.split(/\s?\*\*\*\s?/).map((part) => strip(part) !== '');
    const insideEmpty = parts.slice(1, -1).includes(false);
    return !insideEmpty && parts.filter(Boolean).length === wanted;
  };
};

/** Paragraphs between blank lines. The k-th is counted with the empty ones, the number of paragraphs without them. */
export const nthParagraphFirstWord: Verifier = (fields) => {
  const wanted = fields.count('num_paragraphs');
  const nth = fields.count('nth_paragraph');
  if (nth < 1 || nth > wanted) throw fields.wrong('nth_paragraph', `between 1 and num_paragraphs (${wanted})`);
  const word = fields.text('first_word').toLowerCase();
  return (response) => {
    const paragraphs = response.split('\n\n').map((paragraph) => strip(paragraph));
    if (paragraphs.filter((paragraph) => paragraph !== '').length !== wanted) return false;
    return stripStart(stripStart(paragraphs[nth - 1]!, '「'), '『').startsWith(word);
  };
};
