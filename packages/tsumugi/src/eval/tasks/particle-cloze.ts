// Particle cloze: which particle stands before this word? A sentence is completed with each of six particles; the likeliest
// completed sentence is the answer. No instruction, no examples: it works with any language model. Data: jisho-database.ts.
import { choiceTask } from '../choice-task.ts';
import type { SampleContext } from '../task.ts';
import { databaseSetting, draw, jisho, queryJisho } from './jisho-database.ts';

export const PARTICLES = ['が', 'を', 'に', 'で', 'と', 'へ'];

export interface Cloze {
  id: string;
  before: string;
  particle: string;
  after: string;
  level: string;
}

/**
 * Where a sentence has the particle before the word: exactly once, or it is no question. The word is in its dictionary form, so
 * its last kana, which is inflected, may differ.
 */
export function clozeOf(
  sentence: string,
  particle: string,
  word: string,
): { before: string; after: string } | undefined {
  const stem = word.trim().replace(/(?<=.)[ぁ-ん]$/u, '');
  const parts = sentence.split(particle + stem);
  if (parts.length !== 2 || parts[0] === '') return undefined;
  return { before: parts[0]!, after: stem + parts[1]! };
}

/** School level of an Obi-2 readability score (1 … 13). */
function levelOf(score: string): string {
  const year = Number.parseInt(score, 10);
  return year <= 6 ? 'primary school' : year <= 9 ? 'junior high school' : year <= 12 ? 'high school' : 'beyond school';
}

export function readClozes(context: SampleContext): Cloze[] {
  const rows = queryJisho<'id' | 'japanese' | 'particle' | 'word' | 'obi2'>(
    context,
    'SELECT id, japanese, particle, word, obi2 FROM sentences ORDER BY id',
  );
  // A sentence may be listed more than once for one place.
  const clozes = new Map<string, Cloze>();
  for (const { id, japanese, particle, word, obi2 } of rows) {
    const found = clozeOf(japanese!, particle!, word!);
    const key = found && `${found.before}（）${found.after}`;
    if (key && PARTICLES.includes(particle!) && !clozes.has(key))
      clozes.set(key, { id: id!, ...found, particle: particle!, level: levelOf(obi2!) });
  }
  return [...clozes.values()];
}

export const particleCloze = choiceTask<Cloze>({
  name: 'particle-cloze',
  version: 1,
  summary: 'the particle before a word, the likeliest of six completed sentences',
  metric: 'acc',
  // All completions end alike.
  normalise: false,
  data: jisho,
  shots: 0,
  wording: `{before}{particle}{after} ${PARTICLES.join(' ')}`,
  load: (context) => ({ samples: draw(readClozes(context), 'particle-cloze').samples }),
  prompt: ({ before }) => before,
  choices: ({ after }) => PARTICLES.map((each) => each + after),
  target: ({ particle }) => PARTICLES.indexOf(particle),
  shown: (_cloze, choice) => PARTICLES[choice],
  groups: ({ particle, level }) => [particle, level],
  settings: databaseSetting,
});

export default particleCloze;
