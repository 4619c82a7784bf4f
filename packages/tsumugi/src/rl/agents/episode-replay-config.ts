// The settings that ACER and PCL share: learning on policy and from whole episodes of the past. Defaults are those of ChainerRL's PCL,
// and of its example on CartPole for the capacity.
import { z } from 'zod';
import type { Condition } from './idle-settings.ts';

export const episodeReplayFields = {
  normalizeBySteps: z.boolean().default(true).describe('losses are divided by the number of steps'),
  onlineUpdate: z.boolean().default(true).describe('it learns on policy, besides from replay'),
  replayUpdates: z.int().nonnegative().default(1).describe('updates from replay after each on policy'),
  capacity: z.int().positive().default(5000).describe('steps of replay'),
  replayStart: z.int().positive().default(100).describe('steps in replay before it is learned from'),
};

type EpisodeReplaySettings = z.output<z.ZodObject<typeof episodeReplayFields>>;

export const episodeReplayOptions = ({
  normalizeBySteps,
  onlineUpdate,
  replayUpdates,
  capacity,
  replayStart,
}: EpisodeReplaySettings) => ({ normalizeBySteps, onlineUpdate, replayUpdates, capacity, replayStart });

export const episodeReplayConditions = ({ replayUpdates }: EpisodeReplaySettings): Condition[] => [
  { settings: ['capacity', 'replayStart'], holds: replayUpdates > 0, without: 'replayUpdates' },
];
