// What is known of data before it is trained on.
import { createHash } from 'node:crypto';
import { DigestSet } from '../digest-set.ts';
import type { ExampleSource } from './example.ts';
import type { DataFormat } from './formats.ts';
import type { Message, Role } from './message.ts';

/** Of lengths: the least, the mean, the most. */
export interface Lengths {
  min: number;
  mean: number;
  max: number;
}

export interface DataReport {
  /** With the columns that the format has no place for: nothing is made of what they say. */
  files: { path: string; format: DataFormat; rows: number; notRead: string[] }[];
  rows: number;
  /** What is trained on: more than rows where a conversation gives one for each turn, fewer where rows are left out. */
  examples: number;
  /** Messages of each role. */
  roles: Partial<Record<Role, number>>;
  /** Of an example; of a pair, the prompt and the longer answer. */
  tokens: Lengths & { total: number };
  /** Tokens that are learned, or of answers. */
  learnedTokens: number;
  /** Longer than `maxTokens`. */
  tooLong: { maxTokens: number | undefined; dropped: number; cut: number; first: ExampleSource | undefined };
  /** Answers without a word: they are not learned. */
  emptyAnswers: number;
  /** Rows in which nothing is to be learned: they are left out. */
  nothingLearned: number;
  /** Conversations that go on after the last answer. */
  unanswered: number;
  /** Conversations of which each turn is an example, because the template shows earlier turns otherwise. */
  perTurn: number;
  /** Examples that were there before, token for token. They stay. */
  duplicates: number;
}

/** Data may have columns without end. */
const MOST_NAMES = 20;

/** Gathers a report, row by row. */
export class ReportKeeper {
  readonly report: DataReport;
  readonly #seen = new DigestSet();

  constructor(maxTokens: number | undefined) {
    this.report = {
      files: [],
      rows: 0,
      examples: 0,
      roles: {},
      tokens: { min: 0, mean: 0, max: 0, total: 0 },
      learnedTokens: 0,
      tooLong: { maxTokens, dropped: 0, cut: 0, first: undefined },
      emptyAnswers: 0,
      nothingLearned: 0,
      unanswered: 0,
      perTurn: 0,
      duplicates: 0,
    };
  }

  file(path: string, format: DataFormat): void {
    this.report.files.push({ path, format, rows: 0, notRead: [] });
  }

  row(notRead: readonly string[] = []): void {
    this.report.rows++;
    const file = this.report.files.at(-1)!;
    file.rows++;
    for (const name of notRead)
      if (!file.notRead.includes(name) && file.notRead.length < MOST_NAMES) file.notRead.push(name);
  }

  /** Who speaks. */
  roles(messages: readonly Message[]): void {
    const { roles } = this.report;
    for (const { role } of messages) roles[role] = (roles[role] ?? 0) + 1;
  }

  /** A conversation whose answers are learned. */
  messages(messages: readonly Message[]): void {
    const { report } = this;
    this.roles(messages);
    for (const { role, content, tool_calls } of messages) {
      if (role === 'assistant' && content.trim() === '' && !tool_calls?.length) report.emptyAnswers++;
    }
    if (messages.length > 0 && messages.at(-1)!.role !== 'assistant') report.unanswered++;
  }

  tooLong(what: 'dropped' | 'cut', source: ExampleSource): void {
    this.report.tooLong[what]++;
    this.report.tooLong.first ??= source;
  }

  /** @param parts the ids that make an example out */
  example(parts: readonly Int32Array[], length: number, learned: number): void {
    const { report } = this;
    const { tokens } = report;
    tokens.min = report.examples === 0 ? length : Math.min(tokens.min, length);
    tokens.max = Math.max(tokens.max, length);
    tokens.total += length;
    report.examples++;
    tokens.mean = tokens.total / report.examples;
    report.learnedTokens += learned;
    const hash = createHash('sha256');
    for (const part of parts) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)).update('|');
    if (!this.#seen.add(hash.digest())) report.duplicates++;
  }
}

/** The report in lines, for people. What did not happen is left out. */
export function describeReport(report: DataReport): string[] {
  const { files, rows, examples, roles, tokens, learnedTokens, tooLong } = report;
  const count = (n: number) => n.toLocaleString('en');
  const share = tokens.total === 0 ? 0 : (100 * learnedTokens) / tokens.total;
  const said = Object.entries(roles).map(([role, n]) => `${role} ${count(n)}`);
  const at = tooLong.first && `, the first is ${tooLong.first.file}, row ${tooLong.first.row}`;
  const notes: [number, string][] = [
    [tooLong.dropped, `longer than ${tooLong.maxTokens} tokens and left out${at ?? ''}`],
    [tooLong.cut, `longer than ${tooLong.maxTokens} tokens and cut after their last whole answer${at ?? ''}`],
    [report.emptyAnswers, 'answers without a word, which are not learned'],
    [report.nothingLearned, 'rows in which nothing is to be learned, left out'],
    [report.unanswered, 'conversations that go on after the last answer, which is left out'],
    [report.perTurn, 'conversations of which each turn is an example, as the template shows earlier turns otherwise'],
    [report.duplicates, 'examples that were there before, token for token; they stay'],
  ];
  return [
    ...files.map(
      (file) =>
        `${file.path}: ${file.format}, ${count(file.rows)} rows${file.notRead.length > 0 ? `; columns that are not read: ${file.notRead.join(', ')}` : ''}`,
    ),
    `${count(rows)} rows, ${count(examples)} examples${said.length > 0 ? `; messages: ${said.join(', ')}` : ''}`,
    `${count(tokens.total)} tokens, ${share.toFixed(1)} % of them learned; an example has ${count(tokens.min)} to ${count(tokens.max)}, ${count(Math.round(tokens.mean))} in the mean`,
    ...notes.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`),
  ];
}
