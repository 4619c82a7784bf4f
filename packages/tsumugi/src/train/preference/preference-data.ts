// The pairs of a run of preference training, read and encoded with the model's chat template, and what is held out of them.
import { DataError } from '../../base/index.ts';
import { formatInteger } from '../../run/index.ts';
import { loadPairs, type PreferenceExample } from '../../text/index.ts';
import { openTuningData, type TuningData } from '../chat-data.ts';
import type { RewardConfig } from '../reward-config.ts';

type Settings = Pick<RewardConfig, 'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'tooLong'>;

/** @throws DataError naming file, row and field of what is not understood or does not fit; ConfigError for a template that is not there */
export const openPreferenceData = (settings: Settings): Promise<TuningData<PreferenceExample>> =>
  openTuningData({
    ...settings,
    what: 'pairs',
    async read(files, chat) {
      const { sequenceLength, tooLong } = settings;
      const found = await loadPairs(files, { ...chat, ...(tooLong === 'drop' && { maxTokens: sequenceLength }) });
      requireFit(found.examples, sequenceLength);
      return found;
    },
    tokensOf: ({ prompt }) => prompt,
  });

const lengthOf = ({ prompt, chosen, rejected }: PreferenceExample) =>
  prompt.length + Math.max(chosen.length, rejected.length);

function requireFit(pairs: readonly PreferenceExample[], sequenceLength: number): void {
  const long = pairs.filter((pair) => lengthOf(pair) > sequenceLength);
  const [first] = long;
  if (!first) return;
  const { file, row } = first.source;
  const others = long.length > 1 ? `; so are ${formatInteger(long.length - 1)} more` : '';
  throw new DataError(
    'too-long',
    `${file}, row ${row}: a pair of ${formatInteger(lengthOf(first))} tokens is longer than a row of ${formatInteger(sequenceLength)}${others}`,
    {
      remedy: `Set sequenceLength=${Math.max(...long.map(lengthOf))}, or tooLong=drop.`,
      fields: { file, row, tokens: lengthOf(first), sequenceLength },
    },
  );
}
