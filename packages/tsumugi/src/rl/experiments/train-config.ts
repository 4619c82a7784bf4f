// The settings of a training run of an agent. Those of the agent itself are its own (agents/…-config.ts), and are checked there.
// Defaults are our choice; named experiments with the published values are in ../presets/.
import { z } from 'zod';
import { factoryDevice } from '../../torch/index.ts';

const count = z.int().positive();
const interval = z.int().nonnegative();
const options = z.record(z.string(), z.json());

/** A wrapper by its name, with options of its own. */
const wrapper = z.union([z.string().min(1), z.looseObject({ name: z.string().min(1) })]);
export type WrapperSetting = z.output<typeof wrapper>;

const evaluation = z
  .strictObject({
    interval: interval.default(10_000).describe('steps between evaluations, 0 = only after the last step'),
    episodes: count.optional().describe('episodes of an evaluation; 10 unless steps says otherwise'),
    steps: count
      .optional()
      .describe('steps of an evaluation, instead of episodes: of the last episode only a whole one counts'),
    deterministic: z
      .boolean()
      .optional()
      .describe("whether a policy's likeliest action is taken, instead of as the agent does"),
    maxEpisodeSteps: count.optional().describe("of an episode in evaluation; training's when left out"),
    numEnvironments: count.default(1).describe('environments that are evaluated in at a time'),
  })
  .refine(({ episodes, steps }) => episodes === undefined || steps === undefined, {
    message: 'episodes and steps exclude each other',
  });

export const rlConfig = z.strictObject({
  modules: z
    .array(z.string().min(1))
    .default([])
    .describe('files of your own that register environments, agents and wrappers, loaded first'),
  environment: z.string().min(1).describe('id of the environment, e.g. CartPole-v1'),
  environmentOptions: options.default({}).describe("the environment's own options"),
  wrappers: z.array(wrapper).default([]).describe('around each environment, the innermost first'),
  trainingWrappers: z.array(wrapper).default([]).describe('around those, in training only: reward scales and the like'),
  evaluationWrappers: z.array(wrapper).default([]).describe('around the first, in evaluation only'),
  maxEpisodeSteps: count.optional().describe("steps after which an episode is cut off, instead of the environment's"),
  timeLimitTerminates: z
    .boolean()
    .default(false)
    .describe('take a cut-off for an end of the task, as scripts of the gym of old did'),
  numEnvironments: count.default(1).describe('environments that it acts in at a time'),
  workers: interval.default(0).describe('threads that the environments run in, 0 = the thread that trains'),

  threads: count
    .optional()
    .describe(
      'threads that train it together, each in an environment of its own (a3c, acer, nsq, pcl): not repeatable',
    ),

  agent: z.string().min(1).describe('name of the agent, e.g. dqn'),
  agentSettings: options.default({}).describe("the agent's own settings"),

  out: z.string().min(1).describe('run folder: events, scores.txt, checkpoints, and the trained agent in model/'),
  steps: count.default(100_000).describe('steps of all environments together'),
  evaluation: evaluation.prefault({}),
  successfulScore: z.number().optional().describe('end once the mean return of an evaluation is as high'),

  seed: z.int().nonnegative().default(0).describe('of weights, exploration and environments'),
  device: z.string().default(factoryDevice).describe('cpu or cuda'),

  logEvery: count.default(1000).describe('steps between logged returns and losses'),
  checkpointEvery: interval.default(50_000).describe('steps between checkpoints, 0 = at the end'),
  keepLast: count.default(1).describe('checkpoints kept'),
});

export type RlConfig = z.output<typeof rlConfig>;
export type RlInput = z.input<typeof rlConfig>;

/** Settings that a run may change when it goes on: they do not touch what was trained so far. */
export const rlMayChange: readonly string[] = [
  'modules',
  'steps',
  'threads',
  'workers',
  'evaluationWrappers',
  'evaluation.interval',
  'evaluation.episodes',
  'evaluation.steps',
  'evaluation.deterministic',
  'evaluation.maxEpisodeSteps',
  'evaluation.numEnvironments',
  'successfulScore',
  'logEvery',
  'checkpointEvery',
  'keepLast',
];

/** How long an evaluation takes. */
export const evaluationLength = ({
  episodes,
  steps,
}: RlConfig['evaluation']): { episodes: number } | { steps: number } =>
  steps === undefined ? { episodes: episodes ?? 10 } : { steps };
