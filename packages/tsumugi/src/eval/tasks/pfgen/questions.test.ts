// Reading questions: from every place they may lie in, and what is said about files that are not as they should be.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTar } from '../../../store/index.ts';
import { loadQuestions } from './load.ts';
import { temporaryFolder, toyReferences, writeToyBenchmark } from './pfgen.testing.ts';
import type { QuestionFile } from './question-files.ts';
import { readQuestion, readReferenceAnswers } from './questions.ts';

const file = (content: unknown): QuestionFile => ({
  name: 'data/Q01.json',
  read: () => Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
});

const good = {
  question_id: 'Q01',
  question: '春とは？',
  category: 'nature',
  keywords: [{ t: '春' }, { or: [{ t: 'a' }, { and: [{ t: 'b' }, { t: 'c' }] }], importance: 0.5 }],
  answers: { P: ['春です。', ''] },
};

describe('readQuestion', () => {
  it('reads rules and groups', () => {
    const { id, rules, groups } = readQuestion(file(good));
    expect(id).toBe('Q01');
    expect(groups.get('P')).toEqual(['春です。', '']);
    expect(rules[0]).toEqual({ kind: 'text', text: '春', importance: 1 });
    expect(rules[1]).toMatchObject({ kind: 'or', importance: 0.5, rules: [{ kind: 'text' }, { kind: 'and' }] });
  });

  it.each<[unknown, string]>([
    [{ ...good, question: undefined }, 'question'],
    [{ ...good, question_id: 1 }, 'question_id'],
    [{ ...good, category: '' }, 'category'],
    [{ ...good, keywords: {} }, 'keywords'],
    [{ ...good, keywords: [{ t: 'a' }, {}] }, 'keywords[1].or'],
    [{ ...good, keywords: [{ or: [{ t: 'a' }, { and: [{ t: 3 }] }] }] }, 'keywords[0].or[1].and[0].t'],
    [{ ...good, keywords: [{ t: 'a', importance: 2 }] }, 'keywords[0].importance'],
    [{ ...good, keywords: [{ t: '2[0-9]回' }] }, 'keywords[0].t'],
    [{ ...good, answers: {} }, 'answers'],
    [{ ...good, answers: { P: [] } }, 'answers.P'],
    [{ ...good, answers: { P: ['a', 5] } }, 'answers.P[1]'],
    [{ ...good, answers: { P: ['', ''] } }, 'answers.P'],
    [[good], ''],
  ])('refuses a file and names the field (%#)', (content, field) => {
    expect(() => readQuestion(file(content))).toThrow(/data\/Q01\.json/);
    expect(() => readQuestion(file(content))).toThrow(
      expect.objectContaining({ code: 'bad-question', fields: { file: 'data/Q01.json', field } }),
    );
  });

  it('passes over blank lines of the references, a byte order mark and line ends of Windows', () => {
    const row = (question: string) => JSON.stringify({ question, answer: 'b' });
    const text = `\ufeff${row('一')}\r\n\r\n${row('二')}\n\n`;
    expect(readReferenceAnswers(file(text)).map(({ question }) => question)).toEqual(['一', '二']);
    expect(() => readReferenceAnswers(file(`\n${row('一')}\n{}\n`))).toThrow(/row 3, question/);
  });

  it('refuses what is no JSON', () => {
    expect(() => readQuestion(file('{"question": '))).toThrow(/data\/Q01\.json is not JSON/);
    expect(() => readReferenceAnswers(file('{"question": "a", "answer": "b"}\n{"question": "a"}\n'))).toThrow(
      /row 2, answer.*is missing/,
    );
  });
});

describe('loadQuestions', () => {
  it('finds them in a folder, in its data/, in an archive, and in a folder with one', async () => {
    using folder = temporaryFolder();
    writeToyBenchmark(folder.at('bench', 'data'));
    mkdirSync(folder.at('bench', 'data', 'meta'));
    writeFileSync(folder.at('bench', 'data', 'meta', 'Q01.json'), '{"only": "a part"}');
    const places = [folder.at('bench'), folder.at('bench', 'data')];
    const tar = spawnSync('tar', ['-cf', folder.at('questions.tar'), '-C', folder.at('bench'), 'data']);
    expect(tar.status).toBe(0);
    places.push(folder.at('questions.tar'));
    mkdirSync(folder.at('packed'));
    if (spawnSync('xz', ['-k', folder.at('questions.tar')]).status === 0) {
      renameSync(folder.at('questions.tar.xz'), folder.at('packed', 'questions.tar.xz'));
      places.push(folder.at('packed'), folder.at('packed', 'questions.tar.xz'));
    }
    for (const place of places) {
      const { questions, references } = await loadQuestions(place);
      expect(questions.map(({ id }) => id)).toEqual(['Q01', 'Q02', 'Q03', 'Q04', 'Q05', 'Q06']);
      expect(references()).toEqual(toyReferences);
    }
  });

  it('says what is missing or doubled', async () => {
    using folder = temporaryFolder();
    await expect(loadQuestions(folder.at('nowhere'))).rejects.toMatchObject({ code: 'no-such-file' });
    await expect(loadQuestions(folder.path)).rejects.toMatchObject({ code: 'no-questions' });
    writeToyBenchmark(folder.path);
    writeFileSync(folder.at('Q07.json'), readFileSync(folder.at('Q02.json')));
    await expect(loadQuestions(folder.path)).rejects.toThrow(/Q02\.json and .*Q07\.json have the same id/);
    rmSync(folder.at('Q07.json'));
    writeFileSync(folder.at('questions.jsonl'), `${JSON.stringify(toyReferences[0])}\n`);
    const { references } = await loadQuestions(folder.path);
    expect(references).toThrow(
      expect.objectContaining({
        code: 'no-references',
        fields: { path: folder.path, missing: ['Q02', 'Q03', 'Q04', 'Q05', 'Q06'] },
      }),
    );
  });
});

describe('readTar', () => {
  it('refuses what is none, and one that was cut off', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.txt'), 'a'.repeat(700));
    const tar = spawnSync('tar', ['-cf', '-', '-C', folder.path, 'a.txt']).stdout;
    expect(Array.from(readTar(tar, 'a.tar'), ({ bytes }) => bytes.length)).toEqual([700]);
    for (const bytes of [Buffer.from('text'), Buffer.alloc(0), tar.subarray(0, 1000), tar.subarray(0, 1536)])
      expect(() => Array.from(readTar(bytes, 'a.tar'))).toThrow(/a\.tar is not a whole tar archive/);
  });
});
