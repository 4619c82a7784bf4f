// How one long text becomes documents; our choice, as the published recipe does not say. Up to 1.5 × `size` characters are one document.
// A longer text is cut into pieces of `size`/2 to 1.5 × `size`, so that a single novel has documents to hold out: at the last chapter
// heading in that span, else the last blank line, else the last line end, else the last sentence end, else anywhere between two
// characters. The pieces joined are the text, unchanged but for newlines.

import { DataError } from '../base/index.ts';
import { MAX_CHARACTERS } from './limits.ts';

/** Characters (UTF-16 units) that a document made from a long file aims at: about 2,000 tokens of an 8,000-piece vocabulary. */
export const DOCUMENT_CHARACTERS = 4000;

const NUMERAL = '[0-9０-９一二三四五六七八九十百]+';
/** A line end before a Markdown heading, 第…章 or the like, or a line that is only a chapter number. */
const BEFORE_HEADING = new RegExp(`\\n(?=#{1,6} |第${NUMERAL}[章節部話回編]|${NUMERAL}\\n)`, 'g');
const BLANK_LINE = /\n[ \t\u3000]*\n/g;
const SENTENCE_END = /(?:[。！？][」』）]*|[.!?] )/g;

/** The end of the last match of `pattern` in `text`, or 0. */
function lastEnd(text: string, pattern: RegExp): number {
  let end = 0;
  for (const match of text.matchAll(pattern)) end = match.index + match[0].length;
  return end;
}

/** Where to cut: an offset in [size/2, size] from `start`. */
function cutLength(buffer: string, start: number, size: number): number {
  const from = Math.floor(size / 2);
  const span = buffer.slice(start + from, start + size);
  // A heading is recognised by what follows it, so the pattern may look a little past the span.
  const ahead = buffer.slice(start + from, start + size + 16);
  let cut = 0;
  for (const match of ahead.matchAll(BEFORE_HEADING)) if (match.index < span.length) cut = match.index + 1;
  cut ||= lastEnd(span, BLANK_LINE) || span.lastIndexOf('\n') + 1 || lastEnd(span, SENTENCE_END) || span.length;
  const beforeCut = buffer.charCodeAt(start + from + cut - 1);
  const splitsPair = beforeCut >= 0xd800 && beforeCut < 0xdc00;
  return from + cut - (splitsPair ? 1 : 0);
}

/** Newlines as `\n`, whatever the system the text was written on. Nothing else changes. */
export function normaliseNewlines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** A document as it is tokenized: newlines as `\n`; a lone surrogate, which UTF-8 cannot hold, as U+FFFD. */
export function cleanText(text: string): string {
  return normaliseNewlines(text).toWellFormed();
}

function tooLong(file: string): DataError {
  return new DataError(
    'document-too-long',
    `${file} would be a document of more than ${MAX_CHARACTERS.toLocaleString('en')} characters, the most that one may have`,
    { remedy: 'Cut it into shorter documents with --document-characters.', fields: { file, limit: MAX_CHARACTERS } },
  );
}

/** Cuts a stream of text into documents of about `size` characters; `Infinity` keeps it whole. Holds one document at a time. */
export async function* splitText(
  file: string,
  chunks: AsyncIterable<string>,
  size = DOCUMENT_CHARACTERS,
): AsyncGenerator<string> {
  let buffer = '';
  let heldReturn = '';
  for await (const chunk of chunks) {
    // A carriage return at the end of a chunk may be half of a line end.
    const text = heldReturn + chunk;
    heldReturn = text.endsWith('\r') ? '\r' : '';
    buffer += normaliseNewlines(heldReturn ? text.slice(0, -1) : text);
    let start = 0;
    while (buffer.length - start > 1.5 * size) {
      const length = cutLength(buffer, start, size);
      yield buffer.slice(start, start + length);
      start += length;
    }
    if (start > 0) buffer = buffer.slice(start);
    if (buffer.length > MAX_CHARACTERS) throw tooLong(file);
  }
  buffer += heldReturn ? '\n' : '';
  if (buffer) yield buffer;
}
