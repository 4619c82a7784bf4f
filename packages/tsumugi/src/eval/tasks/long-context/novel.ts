// What long texts are made of: the embedded novels (public domain), sentence by sentence.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { embeddedText } from '../../../text/index.ts';

export interface Novel {
  name: string;
  text: string;
}

export function embeddedNovels(): Novel[] {
  return embeddedText().map((file) => ({ name: basename(file, '.txt'), text: readFileSync(file, 'utf8') }));
}

const opening = '「『（';
const closing = '」』）';
/** Longer ones (speeches of a page) would make depths and lengths coarse, and are left out. */
const LONGEST = 200;

/**
 * Sentences, line ends included: cut after 。！？ outside of quotations and at line ends. Joined, they are the text without
 * chapter numbers and overlong speeches.
 */
export function sentencesOf(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split(/(?<=\n)/)) {
    let [start, open] = [0, 0];
    for (let i = 0; i < line.length; i++) {
      if (opening.includes(line[i]!)) open++;
      else if (closing.includes(line[i]!)) open = Math.max(0, open - 1);
      if (open > 0 || !'。！？'.includes(line[i]!) || '。！？」』）\n'.includes(line[i + 1] ?? '\n')) continue;
      found.push(line.slice(start, i + 1));
      start = i + 1;
    }
    found.push(line.slice(start));
  }
  return found.filter((sentence) => sentence.length <= LONGEST && /[。！？」]/.test(sentence));
}
