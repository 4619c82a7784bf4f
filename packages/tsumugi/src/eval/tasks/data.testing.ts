// For tests: a data folder with a few rows for every task that reads one, in the formats of the published files.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import jmmlu from './jmmlu.ts';
import { writeToyBenchmark } from './pfgen/pfgen.testing.ts';
import { dataFolder } from './tasks.testing.ts';

export const jsonLines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const jglueFile = (name: string, split: string) => `jglue/datasets/${name}-v1.3/${split}-v1.3.json`;
/** Six samples, and six examples from number 50 on. */
const jglue = (name: string, write: (numbers: number[]) => string) => ({
  [jglueFile(name, 'valid')]: write([0, 1, 2, 3, 4, 5]),
  [jglueFile(name, 'train')]: write([50, 51, 52, 53, 54, 55]),
});
const pair = (i: number) => ({ sentence_pair_id: `${i}`, sentence1: `文${i}`, sentence2: `仮説${i}` });
const question = (i: number) => ({
  q_id: i,
  question: `問${i}`,
  label: i % 5,
  ...Object.fromEntries([0, 1, 2, 3, 4].map((k) => [`choice${k}`, `選択肢${i}の${k}`])),
});
const article = (i: number) => {
  const qas = [{ id: `${i}`, question: `問${i}`, answers: [{ text: `答え${i}`, answer_start: 0 }] }];
  return { title: `題${i}`, paragraphs: [{ context: `題${i} [SEP] 答え${i}です。`, qas }] };
};
const subject = (file: string) =>
  Array.from({ length: 7 }, (_, i) => `${file}の問${i},甲,乙,丙,丁,${'ABCD'[i % 4]}\n`).join('');

/** Every task's data, until it is disposed of. */
export function toyData(): { path: string } & Disposable {
  const folder = dataFolder({
    ...jglue('jnli', (numbers) => jsonLines(numbers.map((i) => ({ ...pair(i), label: 'neutral' })))),
    ...jglue('jsts', (numbers) => jsonLines(numbers.map((i) => ({ ...pair(i), label: i % 6 })))),
    ...jglue('jcommonsenseqa', (numbers) => jsonLines(numbers.map(question))),
    ...jglue('jsquad', (numbers) => JSON.stringify({ data: numbers.map(article) })),
    ...Object.fromEntries(jmmlu.flatMap(({ data }) => data!.files.map((file) => [file, subject(file)]))),
    'ja-mt-bench/question.jsonl': jsonLines(
      [1, 2, 3].map((id) => ({ question_id: id, category: 'writing', turns: [`詩${id}`, `続き${id}`] })),
    ),
    'ja-mt-bench/reference_answer.jsonl': '',
    'm-ifeval-ja/ja_input_data.jsonl': jsonLines(
      [1, 2, 3].map((key) => ({
        key,
        prompt: `読点なしで${key}`,
        instruction_id_list: ['ja:punctuation:no_comma'],
        kwargs: [{}],
      })),
    ),
    'jisho/kanjidb.sqlite': '',
  });
  writeToyBenchmark(join(folder.path, 'pfgen', 'questions.tar.xz'));
  writeJisho(join(folder.path, 'jisho', 'kanjidb.sqlite'));
  return folder;
}

const particles = [...'がをにでとへ'];
/** Enough of them for samples beyond the examples. */
export const sentences = Array.from({ length: 24 }, (_, i) => `文${i}${particles[i % 6]!}語${i}る。`);

/** The sentences, and words whose kanji have two readings each. */
function writeJisho(path: string): void {
  using database = new DatabaseSync(path);
  database.exec(`CREATE TABLE sentences (id INTEGER, japanese TEXT, english TEXT, particle TEXT, word TEXT, obi2 TEXT);
    CREATE TABLE jukugo (id INTEGER, jukugo TEXT, reading TEXT, jlpt TEXT, frequency TEXT, segments TEXT)`);
  const sentence = database.prepare('INSERT INTO sentences VALUES (?, ?, ?, ?, ?, ?)');
  for (const [i, japanese] of sentences.entries())
    sentence.run(i, japanese, `Sentence number ${i}.`, particles[i % 6]!, `語${i}る`, `${1 + (i % 13)} (x)`);
  const word = database.prepare("INSERT INTO jukugo VALUES (?, ?, ?, 'N5', 'Very common', ?)");
  for (const [i, kanji] of [...'天地火水木金土日月星山川田空海林森花鳥風'].entries()) {
    word.run(2 * i, `${kanji}上`, `${kanji}あじょう`, `${kanji} ${kanji}あ;上 じょう`);
    word.run(2 * i + 1, `上${kanji}`, `うえ${kanji}い`, `上 うえ;${kanji} ${kanji}い`);
  }
}
