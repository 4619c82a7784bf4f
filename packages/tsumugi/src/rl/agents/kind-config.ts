// What the registry knows of a kind of agent: its settings, and how one is made.
import type { z } from 'zod';
import type { Device } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import type { Space } from '../spaces/index.ts';
import type { Condition } from './idle-settings.ts';

export interface Spaces {
  observationSpace: Space;
  actionSpace: Space;
}

/** Where an agent is to act. */
export interface AgentPlace extends Spaces {
  /** Environments that it acts in at a time. */
  numEnvironments: number;
  /** Steps of all environments together that it is to be trained for: what schedules run over. */
  steps: number;
  /** Of its weights and of all that it draws. */
  seed: number;
  device: Device;
  /** It is made to act with weights that it learned elsewhere: its replay needs no room. */
  onlyActs?: true;
}

interface ReplaySizes {
  capacity: number;
  replayStart: number;
  batchSize: number;
  /** Of a window. */
  steps: number;
  /** Frames of an observation. */
  stack?: number;
}

/** How large replay is, and when it is learned from; of an agent that only acts as small as it can be. */
export function replaySizes({ onlyActs, numEnvironments }: AgentPlace, sizes: ReplaySizes): ReplaySizes {
  if (!onlyActs) return sizes;
  const { steps, stack = 1 } = sizes;
  return { ...sizes, capacity: numEnvironments * (steps + stack + 2), replayStart: 1, batchSize: 1 };
}

export interface AgentKind<S extends z.ZodObject = z.ZodObject> {
  /** What it is, in a line. */
  summary: string;
  /** Its settings: a strict object with a default and a description for each. */
  config: S;
  /** False: its actor has no policy to draw from, and `deterministic` is refused. */
  draws?: false;
  /** Several threads may train its weights, each an agent of its own (`SharedAgent`). */
  shares?: true;
  /** Where settings count that do not always. */
  conditions?(spaces: Spaces, settings: z.output<S>): readonly Condition[];
  /** @throws ConfigError when it cannot act in these spaces */
  make(place: AgentPlace, settings: z.output<S>): Agent;
}
