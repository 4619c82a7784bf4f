// Where the benchmark's files are found: Qnn.json and questions.jsonl in a folder, in its data/, or in questions.tar.xz.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../../base/index.ts';
import { readTar } from '../../../store/index.ts';
import { readDecompressed } from '../../../text/index.ts';

export const ORIGIN = 'https://github.com/pfnet-research/pfgen-bench';
export const LICENCE = 'Apache-2.0; model outputs as their models';
const ARCHIVE = 'questions.tar.xz';

/** A file of the benchmark: `name` for errors (path, or archive with the name inside), read when asked for. */
export interface QuestionFile {
  name: string;
  read(): Buffer;
}

export interface QuestionFiles {
  /** Qnn.json, by name. */
  questions: QuestionFile[];
  /** questions.jsonl: the questions in the benchmark's order, with the reference answers. */
  references: QuestionFile | undefined;
}

const isQuestion = (name: string) => /^Q\d+\.json$/.test(name);

function noQuestions(path: string): DataError {
  return new DataError('no-questions', `${path} holds no questions (Q01.json, …)`, {
    remedy: `Name the folder data/ of ${ORIGIN}, or a ${ARCHIVE} made of it.`,
    fields: { path },
  });
}

/** Sorts out files by their names. */
function collect(files: Iterable<[name: string, file: QuestionFile]>): QuestionFiles {
  const questions = new Map<string, QuestionFile>();
  let references: QuestionFile | undefined;
  for (const [name, file] of files) {
    if (isQuestion(name)) {
      const before = questions.get(name);
      if (before)
        throw new DataError('question-twice', `there are two files ${name}: ${before.name} and ${file.name}`, {
          remedy: 'Remove one of them.',
          fields: { name },
        });
      questions.set(name, file);
    } else if (name === 'questions.jsonl') references = file;
  }
  const names = [...questions.keys()].sort();
  return { questions: names.map((name) => questions.get(name)!), references };
}

function inFolder(folder: string): QuestionFiles {
  return collect(
    readdirSync(folder).map((name) => {
      const path = join(folder, name);
      return [name, { name: path, read: () => readFileSync(path) }];
    }),
  );
}

/** The archive's files one level deep at most: data/meta and data/final hold parts of them in other forms. */
async function inArchive(path: string): Promise<QuestionFiles> {
  const files = Array.from(readTar(await readDecompressed(path), path));
  const shallow = files.filter(({ name }) => name.replace(/^\.\//, '').split('/').length <= 2);
  return collect(shallow.map(({ name, bytes }) => [basename(name), { name: `${path}:${name}`, read: () => bytes }]));
}

/**
 * The files in `path`: a folder with them, with a data/ that has them, or with questions.tar.xz; or such an archive itself.
 *
 * @throws DataError when there are none
 */
export async function findQuestionFiles(path: string): Promise<QuestionFiles> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new DataError('no-such-file', `${path} does not exist`, { remedy: 'Check the path.', fields: { path } });
  const files = found.isDirectory() ? await searchFolder(path) : await inArchive(path);
  if (files.questions.length === 0) throw noQuestions(path);
  return files;
}

async function searchFolder(path: string): Promise<QuestionFiles> {
  for (const folder of [path, join(path, 'data')]) {
    const files = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? inFolder(folder) : undefined;
    if (files && files.questions.length > 0) return files;
  }
  const archive = join(path, ARCHIVE);
  if (!statSync(archive, { throwIfNoEntry: false })) throw noQuestions(path);
  return inArchive(archive);
}
