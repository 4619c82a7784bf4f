// What the folder of an agent says about it (agent.json).
import { z } from 'zod';

export const AGENT_TYPE = 'tsumugi-agent';
export const AGENT_FILE = 'agent.json';

const options = z.record(z.string(), z.json());
const count = z.int().nonnegative();

export const agentFolderSchema = z.strictObject({
  type: z.literal(AGENT_TYPE),
  version: z.literal(1),
  /** Its name in the registry, and all of its settings. */
  agent: z.string(),
  settings: options,
  /** Where it was trained, and is evaluated. */
  environment: z.string(),
  environmentOptions: options,
  /** Around the environment in evaluation, the innermost first. */
  wrappers: z.array(z.union([z.string(), z.looseObject({ name: z.string() })])),
  maxEpisodeSteps: z.int().positive().nullable(),
  /** What it takes and gives, as the spaces write themselves. */
  observationSpace: z.string(),
  actionSpace: z.string(),
  /** Whether it takes the likeliest action; null: as its settings say. */
  deterministic: z.boolean().nullable(),
  /** That it was trained for, of all environments together. */
  steps: count,
  episodes: count,
  /** Of its last evaluation; null when there was none. */
  evaluation: z
    .strictObject({
      mean: z.number(),
      median: z.number(),
      stdev: z.number(),
      max: z.number(),
      min: z.number(),
      episodes: count,
    })
    .nullable(),
});

export type AgentFolderConfig = z.output<typeof agentFolderSchema>;
