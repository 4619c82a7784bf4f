// A trained agent as a folder: agent.json, model.safetensors (`<network>.<path>`) and lineage.json.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, checkSettings, DataError, StagedFolder, writingAt } from '../../base/index.ts';
import { loadTensors, namedTensors } from '../../nn/index.ts';
import { asJson } from '../../run/index.ts';
import {
  LINEAGE_FILE,
  type Lineage,
  type NamedTensor,
  openSafetensors,
  type Provenance,
  readJson,
  WEIGHTS_FILE,
  writeJson,
  writeLineage,
  writeSafetensors,
} from '../../store/index.ts';
import { type Device, factoryDevice, scope } from '../../torch/index.ts';
import type { Actor, ActorOptions, Agent } from '../agent.ts';
import { agentKind } from '../agents/registry.ts';
import type { Environment } from '../environment.ts';
import { AGENT_FILE, type AgentFolderConfig, agentFolderSchema } from './agent-folder-config.ts';
import { openEnvironment } from './environments.ts';
import { requireChoice } from './prepare.ts';

const isAgent = (folder: string): boolean =>
  existsSync(join(folder, AGENT_FILE)) && existsSync(join(folder, LINEAGE_FILE));

/** Writes the folder, whole or not at all. Replaces the folder of an agent that is there. */
export function saveAgent(folder: string, agent: Agent, config: AgentFolderConfig, lineage: Provenance): Lineage {
  return writingAt(folder, () => {
    using staged = new StagedFolder(folder, isAgent);
    writeJson(join(staged.path, AGENT_FILE), asJson(config));
    const tensors = Object.entries(agent.networks).flatMap(([name, network]) =>
      [...namedTensors(network)].map(([path, tensor]): NamedTensor => [`${name}.${path}`, tensor]),
    );
    const { bytes, sha256 } = writeSafetensors(join(staged.path, WEIGHTS_FILE), tensors);
    const written = writeLineage(staged.path, lineage, { [WEIGHTS_FILE]: { bytes, sha256 } });
    staged.commit();
    return written;
  });
}

/** What a folder says of its agent. @throws DataError, FormatError when it holds none */
export function readAgentConfig(folder: string): AgentFolderConfig {
  if (existsSync(join(folder, AGENT_FILE))) return readJson(join(folder, AGENT_FILE), agentFolderSchema);
  const found = statSync(folder, { throwIfNoEntry: false });
  const inside = ['best', 'model']
    .map((name) => join(folder, name))
    .filter((each) => existsSync(join(each, AGENT_FILE)));
  throw new DataError(
    'not-an-agent',
    found ? `${folder} is not the folder of an agent: it has no ${AGENT_FILE}` : `${folder} does not exist`,
    {
      remedy:
        inside.length > 0
          ? `Name ${inside.join(' or ')}.`
          : 'Name the folder model or best of a run of "tsumugi rl train".',
      fields: { folder },
    },
  );
}

export interface LoadAgentOptions {
  /** Environments that it is to act in at a time; 1 when left out. */
  numEnvironments?: number | undefined;
  device?: Device | undefined;
  deterministic?: boolean | undefined;
  /** Of what it draws. */
  seed?: number | undefined;
}

/** An agent out of a folder: it acts, and learns nothing. */
export interface LoadedAgent extends Disposable {
  readonly actor: Actor;
  readonly config: AgentFolderConfig;
  /** One of the environments that it is evaluated in, wrapped as then. */
  makeEnvironment(): Promise<Environment>;
}

/**
 * The agent of a folder. Dispose it.
 *
 * @throws DataError, FormatError, CheckpointError for a folder that holds none; ConfigError when agent or environment are not there
 */
export async function loadAgent(folder: string, options: LoadAgentOptions = {}): Promise<LoadedAgent> {
  const { numEnvironments = 1, device = factoryDevice(), seed = 0 } = options;
  const config = readAgentConfig(folder);
  const kind = await agentKind(config.agent);
  requireChoice(kind, config.agent, options.deterministic, 'deterministic');
  const settings = checkSettings(`${join(folder, AGENT_FILE)}, agent ${config.agent}`, kind.config, config.settings);
  const makeEnvironment = () =>
    openEnvironment({
      id: config.environment,
      options: config.environmentOptions,
      wrappers: config.wrappers,
      maxEpisodeSteps: config.maxEpisodeSteps ?? undefined,
    });
  using environment = await makeEnvironment();
  const { observationSpace, actionSpace } = environment;
  for (const [what, space] of Object.entries({ observationSpace, actionSpace } as const)) {
    const then = config[what as 'observationSpace'];
    if (String(space) === then) continue;
    throw new CheckpointError(
      'other-spaces',
      `${folder} was trained with the ${what} ${then}, and ${config.environment} has ${space}`,
      {
        remedy: 'Use the version of the environment that it was trained in.',
        fields: { folder, then, now: String(space) },
      },
    );
  }
  const steps = Math.max(1, config.steps);
  const place = { observationSpace, actionSpace, numEnvironments, steps, seed, device, onlyActs: true } as const;
  const agent = kind.make(place, settings);
  try {
    loadWeights(agent, folder);
    const actorOptions: ActorOptions = {
      deterministic: options.deterministic ?? config.deterministic ?? undefined,
      seed,
    };
    const actor = agent.actor(actorOptions);
    return {
      actor,
      config,
      makeEnvironment,
      [Symbol.dispose]: () => {
        actor[Symbol.dispose]();
        agent[Symbol.dispose]();
      },
    };
  } catch (error) {
    agent[Symbol.dispose]();
    throw error;
  }
}

function loadWeights(agent: Agent, folder: string): void {
  using weights = openSafetensors(folder);
  scope(() => {
    for (const [name, network] of Object.entries(agent.networks)) {
      const prefix = `${name}.`;
      loadTensors(
        network,
        (path) => (weights.has(prefix + path) ? weights.tensor(prefix + path) : undefined),
        weights.names.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length)),
      );
    }
  });
}
