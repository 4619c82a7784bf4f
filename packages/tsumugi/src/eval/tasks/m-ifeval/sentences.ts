// Sentences as the benchmark counts them (ja_sentence_segmenter with 。!? after its NEologd normalisation): lines, where a line
// that ends in の goes on in the next, cut after 。 ! ? except inside 「…」 and (…). Only those steps of the normalisation are
// here that can change where a cut falls: width of the marks, and white space at the end of a line.
import { splitLines, strip } from '../../white-space.ts';

const widths: Readonly<Record<string, string>> = {
  ...{ '｡': '。', '｢': '「', '｣': '」' },
  ...{ '！': '!', '？': '?', '（': '(', '）': ')' },
};

/** Characters on whose side a space carries no meaning: Japanese and full-width ones, and the marks that end a sentence. */
const japanese = '\\u3000-\\u30ff\\u4e00-\\u9fff\\uff00-\\uffef!?()';
const spaceAfterJapanese = new RegExp(`(?<=[${japanese}]) (?=[\\u0000-\\u007f${japanese}])`, 'g');
const spaceBeforeJapanese = new RegExp(`(?<=[\\u0000-\\u007f]) (?=[${japanese}])`, 'g');

function normalise(text: string): string {
  return strip(text)
    .replace(/[｡｢｣！？（）]/g, (mark) => widths[mark]!)
    .replace(/[ \u3000]+/g, ' ')
    .replace(spaceAfterJapanese, '')
    .replace(spaceBeforeJapanese, '');
}

/** Sentences of one line. A mark inside a pair does not cut; pairs do not nest. */
function cut(line: string): string[] {
  const kept = new Set<number>();
  for (const pair of line.matchAll(/「[^「」]*」|\([^()]*\)/g))
    for (let i = 0; i < pair[0].length; i++) kept.add(pair.index + i);
  const result: string[] = [];
  let start = 0;
  for (let i = 0; i < line.length; i++) {
    if (!'。!?'.includes(line[i]!) || kept.has(i)) continue;
    result.push(line.slice(start, i + 1));
    start = i + 1;
  }
  if (start < line.length) result.push(line.slice(start));
  return result;
}

export function sentences(text: string): string[] {
  const found: string[] = [];
  /** The lines of a sentence that goes on: more than the の alone ends in の. */
  let open: string[] = [];
  for (const line of splitLines(normalise(text))) {
    open.push(line);
    const goesOn = line === '' ? open.length > 1 : line.endsWith('の') && (open.length > 1 || line.length > 1);
    if (goesOn) continue;
    found.push(...cut(open.join('')));
    open = [];
  }
  return open.length > 0 ? [...found, ...cut(open.join(''))] : found;
}
