// Kanji reading: which of four readings has this word of two or more kanji? The wrong ones read one or more of its kanji as other
// words do. Data: jisho-database.ts.
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { choiceTask } from '../choice-task.ts';
import type { SampleContext } from '../task.ts';
import { databaseSetting, draw, jisho, queryJisho } from './jisho-database.ts';

const CHOICES = 4;

export interface Reading {
  id: string;
  word: string;
  reading: string;
  choices: string[];
  level: string;
}

/** "一 いち;部 ぶ" → [["一", "いち"], ["部", "ぶ"]] */
function segmentsOf(segments: string): [kanji: string, reading: string][] {
  return segments.split(';').map((segment) => {
    const [kanji = '', reading = ''] = segment.split(' ');
    return [kanji, reading];
  });
}

/** Readings that differ from a word's in as few kanji as possible: all that differ in one, else all there are. */
export function otherReadings(
  segments: readonly [kanji: string, reading: string][],
  readingsOf: ReadonlyMap<string, readonly string[]>,
): string[] {
  let readings: { text: string; changed: number }[] = [{ text: '', changed: 0 }];
  for (const [kanji, own] of segments)
    readings = readings.flatMap(({ text, changed }) =>
      (readingsOf.get(kanji) ?? [own]).map((reading) => ({
        text: text + reading,
        changed: changed + (reading === own ? 0 : 1),
      })),
    );
  const reading = segments.map(([, own]) => own).join('');
  const other = readings.filter(({ text }) => text !== reading);
  const near = new Set(other.flatMap(({ text, changed }) => (changed === 1 ? text : [])));
  return [...(near.size >= CHOICES - 1 ? near : new Set(other.map(({ text }) => text)))];
}

/** Common words with one reading and at least three other ways to read their kanji. */
export function readReadings(context: SampleContext): Reading[] {
  const rows = queryJisho<'id' | 'jukugo' | 'reading' | 'jlpt' | 'segments' | 'frequency'>(
    context,
    'SELECT id, jukugo, reading, jlpt, segments, frequency FROM jukugo ORDER BY id',
  );
  const ofWord = new Map<string, Set<string>>();
  const ofKanji = new Map<string, string[]>();
  for (const { jukugo, reading, segments } of rows) {
    ofWord.set(jukugo!, (ofWord.get(jukugo!) ?? new Set()).add(reading!));
    for (const [kanji, each] of segments ? segmentsOf(segments) : []) {
      const known = ofKanji.get(kanji) ?? [];
      if (!known.includes(each)) ofKanji.set(kanji, [...known, each]);
    }
  }
  // A word is listed under each of its kanji.
  const words = new Map<string, Reading>();
  for (const { id, jukugo, reading, jlpt, segments, frequency } of rows) {
    const common = /^(very )?common/i.test(frequency ?? '');
    if (words.has(jukugo!) || ofWord.get(jukugo!)!.size > 1 || !segments || !common) continue;
    const parts = segmentsOf(segments);
    if (parts.map(([, own]) => own).join('') !== reading) continue;
    const others = otherReadings(parts, ofKanji);
    if (others.length < CHOICES - 1) continue;
    const stream = new RandomStream(deriveSeed(0, 'kanji-reading', jukugo!));
    const choices = stream.shuffle([reading, ...stream.shuffle(others).slice(0, CHOICES - 1)]);
    words.set(jukugo!, { id: id!, word: jukugo!, reading, choices, level: jlpt?.slice(0, 2) ?? 'no level' });
  }
  return [...words.values()];
}

const instruction = '漢字の読みをひらがなで書いてください。\n\n';
// The line end closes a reading: without it, one that another begins with would always be likelier.
const END = '\n';
const shown = ({ word, reading }: Reading) => `漢字：${word}\n読み：${reading}${END}\n`;
const asked = (word: string) => `漢字：${word}\n読み：`;

export const kanjiReading = choiceTask<Reading>({
  name: 'kanji-reading',
  version: 1,
  summary: 'the reading of a common word in kanji, the likeliest of four',
  metric: 'acc',
  data: jisho,
  shots: 4,
  wording: `${instruction}漢字：{word}\n読み：{reading}${END}`,
  load: (context) => draw(readReadings(context), 'kanji-reading'),
  prompt: ({ word }, examples) => instruction + examples.map(shown).join('') + asked(word),
  choices: ({ choices }) => choices.map((reading) => reading + END),
  target: ({ choices, reading }) => choices.indexOf(reading),
  groups: ({ level }) => [level],
  settings: databaseSetting,
});

export default kanjiReading;
