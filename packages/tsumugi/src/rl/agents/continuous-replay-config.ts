// The settings of replay that agents of continuous actions share, and what their constructors take of it. Defaults are those of
// ChainerRL's scripts on MuJoCo (a million steps of one environment).
import { z } from 'zod';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import type { Explorer } from '../explorers/index.ts';
import { EpisodicReplayBuffer, ReplayBuffer } from '../replay/index.ts';
import type { ContinuousAgentOptions } from './continuous-agent.ts';
import { type AgentPlace, replaySizes } from './kind-config.ts';

const count = z.int().positive();

export const continuousReplayFields = {
  gamma: z.number().min(0).max(1).default(0.99).describe('discount of a step'),
  softUpdate: z.number().positive().max(1).default(5e-3).describe('τ by which the target networks follow'),
  capacity: z.int().min(2).default(1_000_000).describe('rows of replay: steps, and one more for each episode'),
  steps: count.default(1).describe('of a window of replay'),
  replayStart: count.default(10_000).describe('steps of uniform actions before the first update'),
  batchSize: count.default(100).describe('windows of an update'),
  updateInterval: count.default(1).describe('steps between updates'),
  updatesPerInterval: count.default(1).describe('updates each time'),
};

type ReplaySettings = z.output<z.ZodObject<typeof continuousReplayFields>>;

const rowsOf = (place: AgentPlace, s: ReplaySettings) => ({
  capacity: replaySizes(place, s).capacity,
  observationSpace: place.observationSpace,
  actionSpace: place.actionSpace,
  environments: place.numEnvironments,
  rng: new RandomStream(deriveSeed(place.seed, 'replay')),
});

function scheduleOf(place: AgentPlace, s: ReplaySettings, explorer: Explorer) {
  const { replayStart, batchSize } = replaySizes(place, s);
  return {
    observationSpace: place.observationSpace,
    actionSpace: place.actionSpace,
    environments: place.numEnvironments,
    seed: place.seed,
    device: place.device,
    explorer,
    gamma: s.gamma,
    softUpdate: s.softUpdate,
    replayStart,
    batchSize,
    updateInterval: s.updateInterval,
    updatesPerInterval: s.updatesPerInterval,
    targetUpdateInterval: 1,
  };
}

/** What learns from windows of steps. */
export const windowOptions = (place: AgentPlace, s: ReplaySettings, explorer: Explorer): ContinuousAgentOptions => ({
  ...scheduleOf(place, s, explorer),
  replay: new ReplayBuffer({ ...rowsOf(place, s), steps: s.steps }),
});

/** What learns from episodes. */
export const episodeOptions = (place: AgentPlace, s: ReplaySettings, explorer: Explorer) => ({
  ...scheduleOf(place, s, explorer),
  replay: new EpisodicReplayBuffer(rowsOf(place, s)),
});
