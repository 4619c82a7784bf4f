// The benchmark as it lies on the disk: its questions, checked against each other, and the reference answers.
import { DataError } from '../../../base/index.ts';
import { findQuestionFiles, ORIGIN } from './question-files.ts';
import { type Question, type ReferenceAnswer, readQuestion, readReferenceAnswers } from './questions.ts';

export interface Benchmark {
  /** In order of their ids. */
  questions: Question[];
  /**
   * The reference answers in the benchmark's order; only generation needs them.
   *
   * @throws DataError when they are not there, or are not those of the questions
   */
  references(): ReferenceAnswer[];
}

/** @throws DataError, FormatError */
export async function loadQuestions(path: string): Promise<Benchmark> {
  const files = await findQuestionFiles(path);
  const questions = files.questions.map(readQuestion);
  for (const key of ['id', 'question'] as const) {
    const seen = new Map<string, number>();
    questions.forEach((question, i) => {
      const before = seen.get(question[key]);
      if (before !== undefined)
        throw new DataError(
          'question-twice',
          `${files.questions[before]!.name} and ${files.questions[i]!.name} have the same ${key}: "${question[key]}"`,
          { remedy: 'Remove or correct one of them.', fields: { [key]: question[key] } },
        );
      seen.set(question[key], i);
    });
  }
  questions.sort((a, b) => (a.id < b.id ? -1 : 1));
  const references = () => {
    const found = files.references ? readReferenceAnswers(files.references) : [];
    const texts = new Set(found.map(({ question }) => question));
    const missing = questions.filter(({ question }) => !texts.has(question)).map(({ id }) => id);
    if (missing.length === 0 && found.length === questions.length) return found;
    throw new DataError(
      'no-references',
      `${path}: questions.jsonl does not hold every question once, with its answer`,
      {
        remedy: `Take data/questions.jsonl of ${ORIGIN} along with the questions.`,
        fields: { path, missing },
      },
    );
  };
  return { questions, references };
}
