// Documents with known duplicates, made from sentences: document i is a function of the seed, the sentences and i alone, so that
// none need be kept. Those below `originals` are made of sentences drawn from all; the others are one of these, changed.
import { deriveSeed, RandomStream } from 'tsumugi/base';

/** How a document is changed. What J becomes is measured on the texts, not assumed. */
export const changes = [
  'exact',
  'spaced',
  'edited',
  'truncated',
  'extended',
  'reordered',
  'replaced',
  'concatenated',
] as const;
export type Change = (typeof changes)[number];

export interface Planted {
  readonly text: string;
  /** The document that it was made from: itself for an original. */
  readonly parent: number;
  readonly change: Change | undefined;
}

export class PlantedDuplicates {
  readonly documents: number;
  readonly originals: number;
  readonly #sentences: readonly string[];
  readonly #seed: number;

  /** @param share of the documents that are changed originals */
  constructor(sentences: readonly string[], documents: number, { seed = 0, share = 0.3 } = {}) {
    this.documents = documents;
    this.originals = Math.round(documents * (1 - share));
    this.#sentences = sentences;
    this.#seed = seed;
  }

  at(i: number): Planted {
    if (i < this.originals) return { text: this.#original(i).join('\n'), parent: i, change: undefined };
    const random = new RandomStream(deriveSeed(this.#seed, 'change', i));
    const parent = random.below(this.originals);
    const change = changes[random.below(changes.length)]!;
    return { text: this.#changed(this.#original(parent), change, random), parent, change };
  }

  /** 4 to 12 sentences. */
  #original(i: number): string[] {
    const random = new RandomStream(deriveSeed(this.#seed, 'original', i));
    return Array.from({ length: 4 + random.below(9) }, () => this.#sentence(random));
  }

  #sentence(random: RandomStream): string {
    return this.#sentences[random.below(this.#sentences.length)]!;
  }

  #changed(parts: string[], change: Change, random: RandomStream): string {
    const text = parts.join('\n');
    switch (change) {
      case 'exact':
        return text;
      case 'spaced': // the same once it is normalized
        return `　${parts.join('\n\n  ')}\r\n`;
      case 'edited': {
        const chance = 0.04 * random.next();
        return text.replaceAll(/[^\n]/gu, (letter) => (random.next() < chance ? this.#letter(random) : letter));
      }
      case 'truncated':
        return text.slice(0, Math.ceil(text.length * (1 - 0.3 * random.next()))).toWellFormed();
      case 'extended':
        return `${text}\n${this.#sentence(random)}`;
      case 'reordered':
        return random.shuffle([...parts]).join('\n');
      case 'replaced': {
        const other = [...parts];
        other[random.below(other.length)] = this.#sentence(random);
        return other.join('\n');
      }
      case 'concatenated':
        return `${text}\n${this.#original(random.below(this.originals)).join('\n')}`;
    }
  }

  #letter(random: RandomStream): string {
    return String.fromCodePoint(0x3042 + random.below(80));
  }
}

/** |A ∩ B| / |A ∪ B| of the sets of n-grams of two texts, from the texts themselves. */
export function jaccard(one: string, other: string, n = 5): number {
  const [a, b] = [gramsOf(one, n), gramsOf(other, n)];
  let common = 0;
  for (const gram of a) if (b.has(gram)) common++;
  return common / (a.size + b.size - common);
}

function gramsOf(text: string, n: number): Set<string> {
  const letters = [...text.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim()];
  if (letters.length <= n) return new Set([letters.join('')]);
  return new Set(Array.from({ length: letters.length - n + 1 }, (_, i) => letters.slice(i, i + n).join('')));
}
