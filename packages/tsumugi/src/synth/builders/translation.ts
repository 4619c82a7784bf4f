// Translation pairs: English and Japanese both ways; and newer against older translations of one text.
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { translateEnJa, translateJaEn } from '../../eval/index.ts';
import type { Message } from '../../text/index.ts';
import { normalized } from '../normalized.ts';
import type { Translated } from './inputs.ts';
import { type Builder, type BuilderContext, dropped, type Question } from './question.ts';

const LONGEST = 400;
/** What programs put into texts, and what stays as it is in a translation: both sides have the same, or one is broken. */
const marks = (text: string): string =>
  (text.match(/%[-+ #0]*\d*(?:\.\d+)?(?:\(\w+\))?[a-zA-Z%]|%\d+|<[^<>]+>|\{\w*\}/g) ?? []).sort().join(' ');

/** Why two texts are no translation to learn, or undefined. */
function whyNotLearned({ english, japanese }: Translated) {
  if (english.length > LONGEST || japanese.length > LONGEST) return dropped(`longer than ${LONGEST} characters`);
  if (!/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(japanese)) return dropped('no Japanese letters');
  if (!/[A-Za-z]{2}/.test(english)) return dropped('no English word');
  if (japanese.includes(english) || english.includes(japanese)) return dropped('one side has the other');
  return marks(english) === marks(japanese) ? undefined : dropped('markup or placeholders differ');
}

type Direction = 'en-ja' | 'ja-en';

const asMessage = (direction: Direction, text: string): Message[] => {
  const [from, to] = direction === 'en-ja' ? ['English', 'Japanese'] : ['Japanese', 'English'];
  return [{ role: 'user', content: text, from, to }];
};

function ask(direction: Direction, { english, japanese }: Translated, form: BuilderContext['form']) {
  const [input, output, task] =
    direction === 'en-ja' ? [english, japanese, translateEnJa] : [japanese, english, translateJaEn];
  if (form === 'chat') return asMessage(direction, input);
  return task.prompt({ id: '', input, output }, [], { chat: true }) as Message[];
}

const builderOf = (direction: Direction): Builder<Translated> => ({
  name: direction === 'en-ja' ? 'translate-en-ja' : 'translate-ja-en',
  summary: `translations from ${direction === 'en-ja' ? 'English into Japanese' : 'Japanese into English'}`,
  reads: 'translations',
  task: true,
  rows: ['answers'],
  async *build(rows, { form }) {
    for await (const row of rows) {
      const why = whyNotLearned(row);
      if (why) {
        yield why;
        continue;
      }
      const { english, japanese, group, source } = row;
      const answer = direction === 'en-ja' ? japanese : english;
      const asked = ask(direction, row, form);
      yield { asked, answer, worse: [], group, sentences: [english, japanese], source } satisfies Question;
    }
  },
});

export const translateEnJaBuilder = builderOf('en-ja');
export const translateJaEnBuilder = builderOf('ja-en');

/** `wesnoth-1.16-sof` → the family `wesnoth-#-sof` and the version [1, 16]; undefined for a name without a number. */
export function versionOf(group: string): { family: string; version: number[] } | undefined {
  const numbers = [...group.matchAll(/\d+(?:\.\d+)*/g)];
  if (numbers.length === 0) return undefined;
  const version = numbers.flatMap(([each]) => each.split('.').map(Number));
  return { family: group.replaceAll(/\d+(?:\.\d+)*/g, '#'), version };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((each, k) => each !== b[k]);
  return i < 0 ? a.length - b.length : a[i]! - (b[i] ?? -1);
}

/**
 * Newer is what a package of a higher version has, of the packages whose names differ in numbers only. Holds the texts of packages
 * with a number in their names; the pairs come when all was read, in the order of the English texts' first rows.
 */
export const newerTranslationBuilder: Builder<Translated> = {
  name: 'newer-translation',
  summary: 'newer against older translations of one English text, by the versions in the names of packages',
  reads: 'translations',
  task: true,
  rows: ['pairs'],
  async *build(rows, { seed, form }) {
    const texts = new Map<string, { version: number[]; row: Translated }[]>();
    for await (const row of rows) {
      const found = versionOf(row.group);
      const why = found ? whyNotLearned(row) : dropped('no version in the name of the package');
      if (why) {
        yield why;
        continue;
      }
      const key = JSON.stringify([found!.family, row.english]);
      const list = texts.get(key) ?? [];
      texts.set(key, [...list, { version: found!.version, row }]);
    }
    for (const list of texts.values()) {
      const newest = list.reduce((a, b) => (compare(b.version, a.version) > 0 ? b : a));
      const same = list.filter(({ version }) => compare(version, newest.version) === 0);
      const older = list.filter(({ version }) => compare(version, newest.version) < 0);
      const other = [...new Set(older.map(({ row }) => row.japanese))].filter((each) =>
        same.every(({ row }) => normalized(row.japanese) !== normalized(each)),
      );
      if (older.length === 0) yield dropped('one version only');
      else if (same.some(({ row }) => row.japanese !== newest.row.japanese)) yield dropped('two newest translations');
      else if (other.length === 0) yield dropped('translated alike in all versions');
      else {
        const { english, japanese, source } = newest.row;
        const group = versionOf(newest.row.group)!.family;
        const worse = new RandomStream(deriveSeed(seed, 'newer-translation', english)).shuffle(other);
        const asked = ask('en-ja', newest.row, form);
        const sentences = [english, japanese, ...worse];
        yield { asked, answer: japanese, worse, group, sentences, source } satisfies Question;
      }
    }
  },
};
