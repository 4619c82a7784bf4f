// A picture of an example: its text, with what is learned in colour, special pieces marked, and line breaks shown.
import { checkOptions } from '../../base/index.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Example } from './example.ts';

export interface ShowOptions {
  /** For a terminal that has colours; otherwise what is learned stands in ⟦brackets⟧ and special pieces in ‹quotes›. */
  readonly colour: boolean;
}

const coloured = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const paint = {
  learned: coloured('32'),
  learnedSpecial: coloured('1;7;32'),
  given: coloured('2'),
  givenSpecial: coloured('7;2'),
};

/** A stretch of an example that is learned or not, and text or a special piece. */
interface Stretch {
  learned: boolean;
  special: boolean;
  text: string;
}

export function showExample({ ids, learned }: Example, tokenizer: Tokenizer, options: ShowOptions): string {
  checkOptions('showExample', options, { colour: true });
  const stretches: Stretch[] = [];
  const decoder = tokenizer.decoder();
  const add = (stretch: Stretch) => {
    if (stretch.text === '') return;
    const last = stretches.at(-1);
    const goesOn = last && !stretch.special && !last.special && last.learned === stretch.learned;
    if (goesOn) last.text += stretch.text;
    else stretches.push(stretch);
  };
  for (const [i, id] of ids.entries()) {
    const special = tokenizer.piece(id) !== undefined && tokenizer.vocabulary.isSpecial(id);
    // A character that is spread over tokens stands with its last; what a special piece cuts off stands before it.
    if (special) add({ learned: learned[i - 1] === 1, special: false, text: decoder.flush() });
    add({ learned: learned[i] === 1, special, text: decoder.push(id) });
  }
  add({ learned: learned.at(-1) === 1, special: false, text: decoder.flush() });
  return options.colour ? stretches.map(painted).join('') : bracketed(stretches);
}

function painted({ learned, special, text }: Stretch): string {
  const kind = learned ? (special ? paint.learnedSpecial : paint.learned) : special ? paint.givenSpecial : paint.given;
  // Each line by itself: pagers forget colours at the end of a line.
  return visible(text)
    .split('\n')
    .map((line) => (line === '' ? '' : kind(line)))
    .join('\n');
}

function bracketed(stretches: readonly Stretch[]): string {
  let text = '';
  let inside = false;
  for (const stretch of stretches) {
    if (stretch.learned !== inside) text += stretch.learned ? '⟦' : '⟧';
    inside = stretch.learned;
    text += stretch.special ? `‹${visible(stretch.text)}›` : visible(stretch.text);
  }
  return inside ? `${text}⟧` : text;
}

/** Line breaks and tabs with their signs; other control characters as their pictures, so that they cannot move the cursor. */
function visible(text: string): string {
  return (
    text
      .replaceAll('\t', '→\t')
      .replaceAll('\n', '⏎\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (control) => {
        const code = control.charCodeAt(0);
        return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
      })
  );
}
