// What training needs before its first step: settings that are complete, environments, and what is told of them.
import { ConfigError, checkSettings } from '../../base/index.ts';
import { formatInteger } from '../../run/index.ts';
import { refuseIdle } from '../agents/idle-settings.ts';
import type { AgentKind } from '../agents/kind-config.ts';
import { agentKind } from '../agents/registry.ts';
import type { VectorEnvironment } from '../vector/index.ts';
import { type EnvironmentSetting, openEnvironments } from './environments.ts';
import { loadModules } from './modules.ts';
import type { RlConfig } from './train-config.ts';
import { totalSteps } from './trainer.ts';

export interface Prepared extends Disposable {
  /** With all of the agent's settings. */
  config: RlConfig;
  kind: AgentKind;
  training: VectorEnvironment;
  evaluation: VectorEnvironment;
}

/** The environment of a run in training, and in evaluation. */
export function environmentsOf(config: RlConfig): { training: EnvironmentSetting; evaluation: EnvironmentSetting } {
  const { environment: id, environmentOptions: options, wrappers, maxEpisodeSteps } = config;
  const shared = { id, options };
  return {
    training: { ...shared, wrappers: [...wrappers, ...config.trainingWrappers], maxEpisodeSteps },
    evaluation: {
      ...shared,
      wrappers: [...wrappers, ...config.evaluationWrappers],
      maxEpisodeSteps: config.evaluation.maxEpisodeSteps ?? maxEpisodeSteps,
    },
  };
}

/** @throws ConfigError where an agent is told whether to draw its actions, which draws none */
export function requireChoice(
  kind: AgentKind,
  agent: string,
  deterministic: boolean | undefined,
  setting: string,
): void {
  if (deterministic === undefined || kind.draws !== false) return;
  throw new ConfigError('no-effect', `${setting} has no effect: ${agent} draws no actions when it is evaluated`, {
    remedy: `Leave ${setting} out.`,
    fields: { setting, agent },
  });
}

/** @throws ConfigError where threads cannot train the agent, or settings are given that have no effect with them */
function requireThreads(kind: AgentKind, { agent, threads, numEnvironments, workers }: RlConfig): void {
  if (threads === undefined) return;
  if (!kind.shares)
    throw new ConfigError('no-threads', `threads cannot train ${agent} together`, {
      remedy: 'Leave threads out, or choose a3c, acer, nsq or pcl.',
      fields: { agent, threads },
    });
  if (numEnvironments > 1 || workers > 0)
    throw new ConfigError(
      'no-effect',
      'with threads, each has one environment: numEnvironments and workers have no effect',
      {
        remedy: 'Leave numEnvironments and workers out.',
      },
    );
}

/** Replay that never has as many steps as it is to begin with is never learned from. */
function requireRoom(agent: string, { capacity, replayStart }: RlConfig['agentSettings']): void {
  if (typeof capacity !== 'number' || typeof replayStart !== 'number' || replayStart <= capacity) return;
  throw new ConfigError(
    'bad-setting',
    `agent ${agent}: replay of capacity=${capacity} never has the replayStart=${replayStart} steps that learning begins with`,
    { remedy: 'Raise capacity, or lower replayStart.', fields: { capacity, replayStart } },
  );
}

/** Dispose it. @throws ConfigError, UserError for settings that are wrong, and names that are not there */
export async function prepareTraining(given: RlConfig): Promise<Prepared> {
  await loadModules(given.modules);
  const kind = await agentKind(given.agent);
  requireChoice(kind, given.agent, given.evaluation.deterministic, 'evaluation.deterministic');
  requireThreads(kind, given);
  const agentSettings = checkSettings(
    `agent ${given.agent}`,
    kind.config,
    given.agentSettings,
  ) as RlConfig['agentSettings'];
  const config = { ...given, agentSettings };
  const settings = environmentsOf(config);
  const training = await openEnvironments(settings.training, config.numEnvironments, config.workers, config.modules);
  try {
    requireRoom(given.agent, agentSettings);
    refuseIdle(`agent ${given.agent}`, kind.config, agentSettings, kind.conditions?.(training, agentSettings) ?? []);
    const evaluation = await openEnvironments(settings.evaluation, config.evaluation.numEnvironments);
    return {
      config,
      kind,
      training,
      evaluation,
      [Symbol.dispose]: () => {
        training[Symbol.dispose]();
        evaluation[Symbol.dispose]();
      },
    };
  } catch (error) {
    training[Symbol.dispose]();
    throw error;
  }
}

/** What is trained, for a person. */
export function describeTraining(config: RlConfig, { observationSpace, actionSpace, size }: VectorEnvironment): string {
  const { agent, environment, workers, threads: trainers } = config;
  const threads = workers > 0 ? ` in ${workers === 1 ? 'a thread' : `${workers} threads`}` : '';
  const copies = trainers
    ? `, by ${trainers === 1 ? 'a thread' : `${trainers} threads`}`
    : size === 1
      ? ''
      : ` × ${size}${threads}`;
  const lines = [
    `${agent} in ${environment}${copies}: ${formatInteger(totalSteps(config))} steps`,
    `  observations  ${observationSpace}`,
    `  actions       ${actionSpace}`,
  ];
  return lines.join('\n');
}
