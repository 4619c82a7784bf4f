// The common part of the tests in which something has to be found in a long text: texts of each length with the answer at each
// depth, answers chosen among others by probability or written, accuracy over all, by length, by depth, and as a heatmap.

import { ConfigError, deriveSeed, RandomStream } from '../../../base/index.ts';
import type { Heatmap } from '../../../draw/index.ts';
import { choiceTask } from '../../choice-task.ts';
import { generateTask, inChat } from '../../generate-task.ts';
import type { ChoiceTask, GenerateTask, SampleContext, SampleRecord } from '../../task.ts';
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

/** A puzzle in its place, with all answers that a model may choose from. */
export interface Lookup extends Cell, Puzzle {
  id: string;
  choices: readonly string[];
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

/** One sample of every cell comes before the second of any, so that a limit thins out the heatmap evenly. */
function cellsOf(lengths: readonly number[], depths: readonly number[], samples: number): Cell[] {
  const cells: Cell[] = [];
  for (let sample = 0; sample < samples; sample++)
    for (const length of lengths) for (const depth of depths) cells.push({ length, depth, sample });
  return cells;
}

const lengthGroup = ({ length }: Cell) => `length ${lengthLabel(length)}`;
const depthGroup = ({ depth }: Cell) => `depth ${depth} %`;

function heatmapOf(title: string, unit: string, cells: readonly Cell[], records: readonly SampleRecord[]): Heatmap {
  const right = records.map(({ metrics }) => metrics['accuracy'] === 1);
  const distinct = (values: number[]) => [...new Set(values)].sort((a, b) => a - b);
  const lengths = distinct(cells.map(({ length }) => length));
  const depths = distinct(cells.map(({ depth }) => depth));
  const results = depths.map((depth) =>
    lengths.map((length) => right.filter((_, i) => cells[i]!.length === length && cells[i]!.depth === depth)),
  );
  return {
    title,
    xLabel: `length (${unit})`,
    yLabel: 'depth',
    x: lengths.map(lengthLabel),
    y: depths.map((depth) => `${depth} %`),
    values: results.map((row) =>
      row.map((flags) => (flags.length ? flags.filter(Boolean).length / flags.length : null)),
    ),
    counts: results.map((row) => row.map((flags) => flags.length)),
  };
}

/** @throws ConfigError where a text has room for too few answers to choose from */
function load(kind: LookupKind, mode: Mode, context: SampleContext): { samples: Lookup[] } {
  const { options, limit, seed } = context;
  const measure = measureOf(context);
  // Texts are long: those beyond the limit are not made.
  const cells = cellsOf(lengthsOf(options), depthsOf(options), samplesOf(options, kind.samples)).slice(0, limit);
  const make = kind.maker(measure, mode);
  const room = roomFor(kind, mode);
  const samples = cells.map((cell, i): Lookup => {
    const { length, depth, sample } = cell;
    const puzzle = make(length - room, depth, new RandomStream(deriveSeed(seed, kind.name, length, depth, sample)));
    const order = new RandomStream(deriveSeed(seed, kind.name, 'choices', i));
    const choices = order.shuffle([puzzle.answer, ...puzzle.others]);
    return { ...cell, ...puzzle, id: `${length}/${depth}/${sample}`, choices };
  });
  const few = samples.find(({ others }) => others.length < CHOICES - 1);
  if (mode === 'choices' && few)
    throw new ConfigError(
      'too-few-choices',
      `a text of ${few.length} ${measure.unit} has room for fewer than ${CHOICES} answers to choose from`,
      { remedy: 'Ask for longer texts with --set lengths=….', fields: { length: few.length } },
    );
  return { samples };
}

export function lookupTask(kind: LookupKind, mode: 'choices'): ChoiceTask<Lookup>;
export function lookupTask(kind: LookupKind, mode: 'generate'): GenerateTask<Lookup>;
export function lookupTask(kind: LookupKind, mode: Mode): ChoiceTask<Lookup> | GenerateTask<Lookup> {
  const shared = {
    name: mode === 'choices' ? kind.name : `${kind.name}-generate`,
    version: kind.version,
    summary: `${kind.summary}, ${mode === 'choices' ? 'chosen among five by probability' : 'written out'}`,
    metric: 'accuracy',
    options: { lengths: lengthsHelp, depths: depthsHelp, samples: samplesHelp(kind.samples) },
    wording: kind.wording.join('\n'),
    load: (context: SampleContext) => load(kind, mode, context),
    groups: (lookup: Lookup) => [lengthGroup(lookup), depthGroup(lookup)],
    settings: (context: SampleContext) => ({
      mode,
      prompt: mode === 'choices' ? 'continued text' : context.chat ? 'chat' : 'plain',
      unit: measureOf(context).unit,
      ...(mode === 'choices' && { chance: 1 / CHOICES }),
      lengths: lengthsOf(context.options).map(lengthLabel).join(','),
      depths: depthsOf(context.options).join(','),
    }),
  };
  const heatmap = (lookups: readonly Lookup[], records: readonly SampleRecord[], context: SampleContext) =>
    heatmapOf(kind.title, measureOf(context).unit, lookups, records);
  if (mode === 'choices')
    return choiceTask<Lookup>({
      ...shared,
      normalise: false,
      prompt: ({ prompt }) => prompt,
      choices: ({ choices }) => choices,
      target: ({ choices, answer }) => choices.indexOf(answer),
      shown: ({ choices }, choice) => choices[choice],
      heatmap,
    });
  return generateTask<Lookup, string | undefined>({
    ...shared,
    prompt: ({ prompt }, _shots, how) => inChat(prompt, how),
    decoding: ({ seed }) => ({ maxTokens: ANSWER_TOKENS, seed }),
    reference: ({ answer }) => answer,
    // undefined where nothing of the kind was written.
    read: (text) => kind.pattern.exec(text.normalize('NFKC'))?.[0],
    score: ({ answer }, read) => ({ accuracy: read === answer ? 1 : 0 }),
    heatmap: (lookups, { records }, context) => heatmap(lookups, records, context),
  });
}
