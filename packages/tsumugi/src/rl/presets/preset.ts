// What an experiment by name is: settings in three groups, by where each value comes from.
//
//   paper   the paper that is named in the summary
//   code    ChainerRL's script for it (chainer/chainerrl, examples/)
//   ours    neither; our choice
import type { RlInput } from '../experiments/index.ts';

export type Settings = Omit<Partial<RlInput>, 'out'>;
export type SettingSource = 'paper' | 'code' | 'ours';

export interface RlPreset extends Readonly<Record<SettingSource, Settings>> {
  /** What it is, in a line. */
  readonly summary: string;
}

export type RlPresets = Readonly<Record<string, RlPreset>>;

/** A few minutes on a CPU. */
export const small: Settings = { logEvery: 500, checkpointEvery: 10_000 };
export const long: Settings = { logEvery: 1000, checkpointEvery: 100_000 };
export const cartPoleSolved: Settings = {
  ...small,
  successfulScore: 475,
  evaluation: { interval: 2000, episodes: 20 },
};
