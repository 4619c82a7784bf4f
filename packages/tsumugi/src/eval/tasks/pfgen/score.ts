// The score of one answer: the three parts by group, rounded where the benchmark rounds them.
import { FluencyScorer } from './fluency.ts';
import { helpfulness, type Shortcoming } from './helpfulness.ts';
import { NgramTable } from './ngram-table.ts';
import type { Question } from './questions.ts';
import { roundDecimal, sum } from './rounding.ts';
import { truthfulness } from './truthfulness.ts';

/** As result.json has it. */
export interface AnswerScores {
  /** By group, already divided by the number of groups. */
  fluency: Record<string, number>;
  /** 1: the benchmark takes the larger of 1 and a discount, which never exceeds it. */
  fluency_discount: number;
  truthfulness: Record<string, number>;
  helpfulness: number;
  helpfulness_results: Shortcoming[];
  average: number;
}

/** What the reference texts of a group come down to. */
export interface GroupTable {
  group: string;
  texts: number;
  /** Mean fluency of the group's own texts before division: the unit of fluency. */
  baseline: number;
  table: NgramTable;
}

export function codePointsOf(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}

/** Builds the tables of a question. */
export function buildTables({ groups }: Pick<Question, 'groups'>): GroupTable[] {
  return Array.from(groups, ([group, texts]) => {
    const table = NgramTable.of(texts);
    const baseline = new FluencyScorer(table).baseline(texts.map(codePointsOf));
    return { group, texts: texts.length, baseline, table };
  });
}

/** Scores answers to one question. */
export class AnswerScorer {
  readonly #rules: Question['rules'];
  readonly #groups: readonly (GroupTable & { fluency: FluencyScorer })[];

  constructor({ rules }: Pick<Question, 'rules'>, tables: readonly GroupTable[]) {
    this.#rules = rules;
    this.#groups = tables.map((group) => ({ ...group, fluency: new FluencyScorer(group.table) }));
  }

  score(answer: string): AnswerScores {
    const codePoints = codePointsOf(answer);
    const share = this.#groups.length;
    const scores: AnswerScores = {
      // Groups are named by the data: `__proto__` is a name as any other.
      fluency: Object.create(null),
      fluency_discount: 1,
      truthfulness: Object.create(null),
      helpfulness: 0,
      helpfulness_results: [],
      average: 0,
    };
    for (const { group, table, texts, baseline, fluency } of this.#groups) {
      scores.fluency[group] = roundDecimal(fluency.score(codePoints, baseline) / share, 6);
      scores.truthfulness[group] = roundDecimal(truthfulness(codePoints, table, texts) / share, 6);
    }
    const { score, shortcomings } = helpfulness(codePoints, this.#rules);
    scores.helpfulness = roundDecimal(score, 5);
    scores.helpfulness_results = shortcomings;
    const total = sum(Object.values(scores.fluency)) + sum(Object.values(scores.truthfulness)) + scores.helpfulness;
    scores.average = roundDecimal(total / 3, 5);
    return scores;
  }
}
