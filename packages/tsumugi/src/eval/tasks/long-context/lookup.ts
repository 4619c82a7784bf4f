// The common part of the tests in which something has to be found in a long text: texts of each length with the answer at each
// depth, answers chosen among others by probability or written, accuracy over all, by length, by depth, and as a grid.
import { ConfigError, deriveSeed, RandomStream, sha256 } from '../../../base/index.ts';
import { bestChoice } from '../../choice.ts';
import type { ChoicesAnswer, ChoicesRequest, GenerateAnswer, GenerateRequest } from '../../request.ts';
import type { Grid, SampleRecord, Task, TaskContext } from '../../task.ts';
import { type Measure, measureOf } from './measure.ts';
import { depthsHelp, depthsOf, lengthLabel, lengthsHelp, lengthsOf, samplesHelp, samplesOf } from './settings.ts';

/** `choices`: which of five is likeliest after the text; chance is 20 %. `generate`: write it; chance is nothing. */
export type Mode = 'choices' | 'generate';

export interface Cell {
  length: number;
  /** Where the answer stands: 0 = at the beginning, 100 = at the end. */
  depth: number;
  sample: number;
}

export interface Puzzle {
  /** The long text with what asks for the answer behind it. */
  prompt: string;
  /** What follows, or is to be written. */
  answer: string;
  /** Wrong answers of the same kind. */
  others: readonly string[];
}

export interface LookupKind {
  name: string;
  version: number;
  title: string;
  summary: string;
  /** Everything fixed in the wording. */
  wording: readonly string[];
  /** What an answer looks like: the first of these in what the model wrote is what it answered. */
  pattern: RegExp;
  answerCharacters: number;
  samples: number;
  /** Makes puzzles of one run: the prompt of each may be as long as `capacity` of the measure. */
  maker(measure: Measure, mode: Mode): (capacity: number, depth: number, random: RandomStream) => Puzzle;
}

const CHOICES = 5;
const ANSWER_TOKENS = 32;
const TEMPLATE_ROOM = 32;

/** What counts as part of the length beside the prompt: BOS and a choice, or a written answer and a chat template. */
export const roomFor = ({ answerCharacters }: LookupKind, mode: Mode) =>
  mode === 'choices' ? 1 + answerCharacters : TEMPLATE_ROOM + ANSWER_TOKENS;

/** One sample of every cell comes before the second of any, so that a limit thins out the grid evenly. */
function cellsOf(lengths: readonly number[], depths: readonly number[], samples: number): Cell[] {
  const cells: Cell[] = [];
  for (let sample = 0; sample < samples; sample++)
    for (const length of lengths) for (const depth of depths) cells.push({ length, depth, sample });
  return cells;
}

const lengthGroup = ({ length }: Cell) => `length ${lengthLabel(length)}`;
const depthGroup = ({ depth }: Cell) => `depth ${depth} %`;

function gridOf(title: string, unit: string, cells: readonly Cell[], right: readonly boolean[]): Grid {
  const distinct = (values: number[]) => [...new Set(values)].sort((a, b) => a - b);
  const lengths = distinct(cells.map(({ length }) => length));
  const depths = distinct(cells.map(({ depth }) => depth));
  const results = depths.map((depth) =>
    lengths.map((length) => right.filter((_, i) => cells[i]!.length === length && cells[i]!.depth === depth)),
  );
  return {
    ...{ title, xLabel: `length (${unit})`, yLabel: 'depth' },
    ...{ x: lengths.map(lengthLabel), y: depths.map((depth) => `${depth} %`) },
    values: results.map((row) =>
      row.map((flags) => (flags.length ? flags.filter(Boolean).length / flags.length : null)),
    ),
    counts: results.map((row) => row.map((flags) => flags.length)),
  };
}

/** What the model chose, or wrote; undefined when it wrote nothing of the kind. */
async function answersOf(
  puzzles: readonly Puzzle[],
  mode: Mode,
  kind: LookupKind,
  context: TaskContext,
): Promise<{ request: ChoicesRequest | GenerateRequest; whole: unknown; read: string | undefined }[]> {
  if (mode === 'choices') {
    const requests = puzzles.map(({ prompt, answer, others }, i): ChoicesRequest => {
      const random = new RandomStream(deriveSeed(context.seed, kind.name, 'choices', i));
      return { kind: 'choices', prompt, choices: random.shuffle([answer, ...others]) };
    });
    const answers: ChoicesAnswer[] = await context.ask(requests);
    return requests.map((request, i) => ({
      ...{ request, whole: answers[i], read: request.choices[bestChoice(answers[i]!.logprobs)] },
    }));
  }
  const requests = puzzles.map(
    ({ prompt }): GenerateRequest => ({
      kind: 'generate',
      prompt: context.chat ? [{ role: 'user', content: prompt }] : prompt,
      ...{ maxTokens: ANSWER_TOKENS, stop: [], temperature: 0, topP: 1, seed: context.seed },
    }),
  );
  const answers: GenerateAnswer[] = await context.ask(requests);
  return requests.map((request, i) => ({
    ...{ request, whole: answers[i], read: kind.pattern.exec(answers[i]!.text.normalize('NFKC'))?.[0] },
  }));
}

export function lookupTask(kind: LookupKind, mode: Mode): Task {
  return {
    name: mode === 'choices' ? kind.name : `${kind.name}-generate`,
    version: kind.version,
    summary: `${kind.summary}, ${mode === 'choices' ? 'chosen among five by probability' : 'written out'}`,
    metric: 'accuracy',
    asks: [mode],
    options: { lengths: lengthsHelp, depths: depthsHelp, samples: samplesHelp(kind.samples) },
    async run(context) {
      const { options, limit, seed, keepTexts } = context;
      const measure = measureOf(context);
      const [lengths, depths] = [lengthsOf(options), depthsOf(options)];
      const cells = cellsOf(lengths, depths, samplesOf(options, kind.samples)).slice(0, limit);
      const make = kind.maker(measure, mode);
      const room = roomFor(kind, mode);
      const puzzles = cells.map(({ length, depth, sample }) =>
        make(length - room, depth, new RandomStream(deriveSeed(seed, kind.name, length, depth, sample))),
      );
      const few = puzzles.findIndex(({ others }) => others.length < CHOICES - 1);
      if (mode === 'choices' && few >= 0)
        throw new ConfigError(
          'too-few-choices',
          `a text of ${cells[few]!.length} ${measure.unit} has room for fewer than ${CHOICES} answers to choose from`,
          { remedy: 'Ask for longer texts with --set lengths=….', fields: { length: cells[few]!.length } },
        );
      const answers = await answersOf(puzzles, mode, kind, context);
      const right = answers.map(({ read }, i) => read === puzzles[i]!.answer);
      const records = cells.map((cell, i): SampleRecord => {
        const { request, whole, read } = answers[i]!;
        return {
          id: `${cell.length}/${cell.depth}/${cell.sample}`,
          metrics: { accuracy: right[i] ? 1 : 0 },
          groups: [lengthGroup(cell), depthGroup(cell)],
          ...(keepTexts && { prompt: request, answer: { read, whole }, target: puzzles[i]!.answer }),
        };
      });
      const prompt = mode === 'choices' ? 'continued text' : context.chat ? 'chat' : 'plain';
      return {
        records,
        settings: {
          ...{ mode, prompt, unit: measure.unit, ...(mode === 'choices' && { chance: 1 / CHOICES }) },
          ...{ lengths: lengths.map(lengthLabel).join(','), depths: depths.join(',') },
        },
        promptHash: sha256(kind.wording.join('\n')),
        grid: gridOf(kind.title, measure.unit, cells, right),
      };
    },
  };
}
