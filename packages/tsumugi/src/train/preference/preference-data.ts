// The pairs or rated answers of a run of preference training, read and encoded with the model's chat template, and what is held out of them.
import { DataError } from '../../base/index.ts';
import { formatInteger } from '../../run/index.ts';
import {
  type ExampleSource,
  type Loaded,
  type LoadOptions,
  loadPairs,
  loadRated,
  type PreferenceExample,
  type RatedExample,
} from '../../text/index.ts';
import { openTuningData, type TuningData } from '../chat-data.ts';
import type { RewardConfig } from '../reward-config.ts';

type Settings = Pick<RewardConfig, 'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'tooLong'>;

/** @throws DataError naming file, row and field of what is not understood or does not fit; ConfigError for a template that is not there */
export const openPairs = (settings: Settings): Promise<TuningData<PreferenceExample>> =>
  openTuningData({
    ...settings,
    what: 'pairs',
    read: (files, chat) => readFitting('a pair', loadPairs, pairLength, settings, files, chat),
    tokensOf: ({ prompt }) => prompt,
  });

/** Answers with a label, and pairs as two of them. @throws as `openPairs`; DataError where all answers have one label */
export async function openRated(settings: Settings): Promise<TuningData<RatedExample>> {
  const data = await openTuningData({
    ...settings,
    what: 'answers',
    read: (files, chat) => readFitting('an answer', loadRated, ratedLength, settings, files, chat),
    tokensOf: ({ prompt }) => prompt,
    kindOf: ({ desirable }) => desirable,
  });
  requireBothLabels(data.examples, 'to learn from', 'Add answers of the other label.');
  requireBothLabels(data.heldOut, 'held out', 'Give more data, or heldOut=FILE with answers of both labels.');
  return data;
}

const pairLength = ({ prompt, chosen, rejected }: PreferenceExample) =>
  prompt.length + Math.max(chosen.length, rejected.length);
const ratedLength = ({ prompt, completion }: RatedExample) => prompt.length + completion.length;

async function readFitting<T extends { source: ExampleSource }>(
  what: string,
  load: (files: readonly string[], options: LoadOptions) => Promise<Loaded<T>>,
  lengthOf: (example: T) => number,
  { sequenceLength, tooLong }: Settings,
  files: readonly string[],
  chat: Pick<LoadOptions, 'tokenizer' | 'template'>,
): Promise<Loaded<T>> {
  const found = await load(files, { ...chat, ...(tooLong === 'drop' && { maxTokens: sequenceLength }) });
  const long = found.examples.filter((example) => lengthOf(example) > sequenceLength);
  const [first] = long;
  if (!first) return found;
  const { file, row } = first.source;
  const others = long.length > 1 ? `; so are ${formatInteger(long.length - 1)} more` : '';
  throw new DataError(
    'too-long',
    `${file}, row ${row}: ${what} of ${formatInteger(lengthOf(first))} tokens is longer than a row of ${formatInteger(sequenceLength)}${others}`,
    {
      remedy: `Set sequenceLength=${Math.max(...long.map(lengthOf))}, or tooLong=drop.`,
      fields: { file, row, tokens: lengthOf(first), sequenceLength },
    },
  );
}

function requireBothLabels(answers: readonly RatedExample[], where: string, remedy: string): void {
  const [first] = answers;
  if (answers.some(({ desirable }) => desirable !== first!.desirable)) return;
  throw new DataError('one-label', `the answers ${where} (${answers.length}) all have the label ${first!.desirable}`, {
    remedy,
    fields: { answers: answers.length, label: first!.desirable },
  });
}
