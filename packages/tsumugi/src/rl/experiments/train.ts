// Training an agent, from an environment's name to a folder, top to bottom: make environments and agent, take steps, evaluate, save.
// Everything that is random follows from `seed`, and a checkpoint holds all the rest, so a resumed run goes on bit for bit.
//
// An evaluation follows as soon as a multiple of its interval is passed, in environments of its own whose seed follows from the
// step: it moves nothing that training depends on. (ChainerRL waits for the end of an episode.)
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, checkSettings, deriveSeed, type OptionNames, steady, UserError } from '../../base/index.ts';
import { type Due, type Measured, requireStepsLeft, runLoop, type StepTaken } from '../../loop/index.ts';
import { numParameters } from '../../nn/index.ts';
import { asJson, codeCommit, formatInteger, formatNumber, openRun, type ProgressStream } from '../../run/index.ts';
import { loadLatestCheckpoint, type Provenance } from '../../store/index.ts';
import { memory } from '../../torch/index.ts';
import { readAgentConfig, saveAgent } from './agent-folder.ts';
import { AGENT_FILE, AGENT_TYPE, type AgentFolderConfig } from './agent-folder-config.ts';
import { Clock } from './clock.ts';
import { diverged, FiniteStatistics, requireFiniteWeights } from './divergence.ts';
import { evaluateActor, type Summary, summarize } from './evaluate.ts';
import type { StepHook } from './hooks.ts';
import { describeTraining, environmentsOf, prepareTraining } from './prepare.ts';
import { Scores } from './scores.ts';
import { ThreadedTrainer } from './threads/threaded-trainer.ts';
import { evaluationLength, type RlInput, rlConfig, rlMayChange } from './train-config.ts';
import { Trainer, type TrainerLike, totalSteps } from './trainer.ts';

export interface TrainAgentResult {
  interrupted: boolean;
  /** The agent's folder, once training is complete. */
  folder: string | undefined;
  /** The folder of the agent that did best in an evaluation, if one was made. */
  best: string | undefined;
  steps: number;
  episodes: number;
  /** Of the last evaluation in this process. */
  evaluation: (Summary & { episodes: number }) | undefined;
}

export interface TrainAgentOptions {
  /** Go on from the latest complete checkpoint of `out`, or start anew when there is none yet. */
  resume?: boolean;
  /** Shows what is trained, and progress. */
  stream?: ProgressStream;
  /** The named experiment that the settings are of, for the lineage. */
  experiment?: string | undefined;
  /** Called after every step. A run that goes on needs the same. */
  hooks?: readonly StepHook[];
}

const trainAgentOptions: OptionNames<TrainAgentOptions> = { resume: true, stream: true, experiment: true, hooks: true };

/**
 * Trains an agent and writes it to `<out>/model`; the one of the best evaluation goes to `<out>/best`, and a line for each evaluation to
 * `<out>/scores.txt`.
 *
 * @throws ConfigError, UserError before anything is written; a UserError `diverged` when a loss or a weight is no longer finite: then the
 *   last checkpoint stays
 */
export async function trainAgent(input: RlInput, options: TrainAgentOptions = {}): Promise<TrainAgentResult> {
  checkOptions('trainAgent', options, trainAgentOptions);
  const given = checkSettings('trainAgent', rlConfig, input);
  const { hooks = [] } = options;
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  using prepared = await prepareTraining(given);
  const { config, kind, training, evaluation } = prepared;
  // Before a folder is made: the agent may not fit the environment.
  await using made =
    config.threads === undefined
      ? new Trainer(config, kind, training)
      : new ThreadedTrainer(config, kind, environmentsOf(config).training, training);
  const trainer: TrainerLike = made;
  const { agent, episodes } = trainer;
  const total = totalSteps(config);
  using run = openRun(
    'rl',
    config,
    { resume: options.resume, mayChange: rlMayChange, recipe: options.experiment, say: print },
    {},
  );
  using checkpoint = loadLatestCheckpoint(run.checkpoints);
  const goesOn = checkpoint === undefined || trainer.restore(checkpoint);
  const start = trainer.step;
  requireStepsLeft(total, start);
  using log = run.openEvents(checkpoint ? start : undefined);
  print(describeTraining(config, training));
  const parameters = Object.values(agent.networks).reduce((sum, network) => sum + numParameters(network), 0);
  log.write({ type: 'start', step: start, name: 'rl', totalSteps: total, resumed: start > 0, parameters });
  if (!goesOn) {
    const message =
      config.threads === undefined
        ? `${config.environment} cannot be saved: the episodes in progress are lost, new ones begin`
        : 'what threads were at cannot be saved: episodes in progress and replay are lost, new ones begin';
    log.write({
      type: 'warning',
      step: start,
      code: config.threads === undefined ? 'environment-not-saved' : 'threads-not-saved',
      message,
    });
    print(`warning: ${message}`);
  }
  if (start > 0) for (const hook of hooks) hook(agent, start);

  // Evaluations of before, as far as this run goes on from them.
  const events = run.events().filter((event) => event.type === 'evaluation');
  const evaluated = new Map(events.map(({ step, metrics }) => [step, metrics['return'] ?? Number.NaN]));
  const scores = new Scores(join(run.path, 'scores.txt'), (steps) => evaluated.has(steps));
  const bestFolder = join(run.path, 'best');
  let best = existsSync(join(bestFolder, AGENT_FILE)) ? readAgentConfig(bestFolder).evaluation?.mean : undefined;

  const provenance: Provenance = {
    stage: 'rl',
    recipe: options.experiment ?? run.recipe,
    config: asJson(config),
    seed: config.seed,
    commit: codeCommit(),
  };
  const folderConfig = (evaluation: AgentFolderConfig['evaluation']): AgentFolderConfig => ({
    type: AGENT_TYPE,
    version: 1,
    agent: config.agent,
    settings: asJson(config.agentSettings),
    environment: config.environment,
    environmentOptions: config.environmentOptions,
    wrappers: [...config.wrappers, ...config.evaluationWrappers],
    maxEpisodeSteps: config.evaluation.maxEpisodeSteps ?? config.maxEpisodeSteps ?? null,
    observationSpace: String(training.observationSpace),
    actionSpace: String(training.actionSpace),
    deterministic: config.evaluation.deterministic ?? null,
    steps: trainer.step,
    episodes: episodes.ended,
    evaluation,
  });

  // Training.
  let last: (Summary & { episodes: number }) | undefined;
  const clock = new Clock(trainer.seconds, start);
  let shown: StepTaken['progress'] = {};
  const finite = new FiniteStatistics();
  const crosses = (interval: number, step: number) =>
    interval > 0 && step > 0 && Math.floor(step / interval) > Math.floor((step - trainer.stride) / interval);

  const takeStep = (saved: number): StepTaken => {
    try {
      trainer.takeStep();
    } catch (error) {
      requireFiniteWeights(agent, trainer.step, saved); // an action that is no number comes from weights that are none
      throw error instanceof UserError && error.code === 'not-finite'
        ? diverged(trainer.step, error.fault, saved)
        : error;
    }
    const { step } = trainer;
    for (const hook of hooks) hook(agent, step);
    if (step !== total && !crosses(config.logEvery, step)) return { event: undefined, progress: shown };
    const statistics = trainer.statistics();
    finite.check(statistics, step, saved);
    requireFiniteWeights(agent, step, saved);
    const { loss, ...others } = statistics;
    const means = episodes.means();
    const stepsPerSecond = clock.lap(step);
    const rate = `${formatInteger(stepsPerSecond)} steps/s`;
    shown = { loss, note: means ? `return ${formatNumber(means.return)}  ${rate}` : rate };
    return {
      event: {
        ...(loss !== undefined && { loss }),
        memoryBytes: memory().peakBytes,
        metrics: {
          ...means,
          episodes: episodes.ended,
          stepsPerSecond,
          ...Object.fromEntries(Object.entries(others).map(([name, value]) => [camelCase(name), value])),
        },
      },
      progress: shown,
    };
  };

  const evaluate = async (step: number, pause: () => Promise<void>, saved: number): Promise<Measured> => {
    const began = performance.now();
    if (saved !== step) requireFiniteWeights(agent, step, saved); // what was saved has been looked at
    using actor = agent.actor({
      deterministic: config.evaluation.deterministic,
      seed: deriveSeed(config.seed, 'actor', step),
    });
    const { returns, lengths } = await evaluateActor(actor, evaluation, {
      length: evaluationLength(config.evaluation),
      seed: deriveSeed(config.seed, 'evaluation', step),
      pause,
    });
    last = { ...summarize(returns), episodes: returns.length };
    evaluated.set(step, last.mean);
    scores.add({
      ...last,
      steps: step,
      episodes: episodes.ended,
      elapsed: clock.seconds,
      statistics: trainer.statistics(),
    });
    if (best === undefined || last.mean > best) {
      saveAgent(bestFolder, agent, folderConfig(last), provenance);
      best = last.mean;
    }
    clock.leaveOut(began);
    const spread = returns.length > 1 ? ` ± ${formatNumber(last.stdev)}` : '';
    const count = returns.length === 1 ? 'one episode' : `${returns.length} episodes`;
    return {
      name: 'evaluation',
      metrics: { return: last.mean, episodeLength: summarize(lengths).mean },
      shown: `step ${formatInteger(step)}: return ${formatNumber(last.mean)}${spread} in ${count} of evaluation`,
    };
  };

  const { successfulScore = Number.POSITIVE_INFINITY } = config;
  const { interrupted, done } = await runLoop(
    {
      label: 'rl',
      steps: total,
      stride: trainer.stride,
      beforeStep: trainer.advance && (() => trainer.advance!()),
      takeStep: (_, saved) => takeStep(saved),
      due: (step): Due => ({
        checkpoint: crosses(config.checkpointEvery, step),
        evaluation: crosses(config.evaluation.interval, step),
        sample: false,
      }),
      checkpoint(_, saved) {
        trainer.seconds = clock.seconds;
        return trainer.checkpoint(saved);
      },
      evaluate,
      isReached: (step) => (evaluated.get(step) ?? Number.NEGATIVE_INFINITY) >= successfulScore,
      keepLast: config.keepLast,
    },
    { run, log, stream },
    start,
  );
  const bestSaved = best === undefined ? undefined : join(config.out, 'best');
  const result = { interrupted, best: bestSaved, steps: done, episodes: episodes.ended, evaluation: last };
  if (interrupted) return { ...result, folder: undefined };

  // The result.
  const folder = join(config.out, 'model');
  saveAgent(folder, agent, folderConfig(last ?? null), provenance);
  log.write({ type: 'end', step: done, reason: 'done' });
  return { ...result, folder };
}

/** average_q → averageQ */
const camelCase = (name: string): string => name.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
