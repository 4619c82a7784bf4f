// `tsumugi rl`: trains agents, watches, measures and films them.
import { signalExitCode } from '../base/index.ts';
import { requireFilmPath, writeFilm, writeFrames } from '../images/index.ts';
import {
  evaluateActor,
  type LoadedAgent,
  loadAgent,
  loadModules,
  recordEpisodes,
  requirePicture,
  SerialVectorEnvironment,
  summarize,
  type WatchedStep,
} from '../rl/index.ts';
import { formatNumber } from '../run/index.ts';
import { defineCommand, defineGroup } from './command.ts';
import { type Io, write } from './io.ts';
import { chooseDevice } from './model-options.ts';
import { rlOptions } from './rl-options.ts';
import { train } from './rl-train.ts';
import { stoppable } from './stoppable.ts';

const { agent, modules, seed, deterministic, device, json } = rlOptions;
const acting = { seed, deterministic, device };
const episodesOf = (usual: number) => ({ type: 'integer', min: 1, default: usual, help: 'episodes' }) as const;

interface AgentValues {
  readonly agent: string;
  readonly modules: readonly string[];
  readonly seed: number;
  readonly deterministic: boolean;
  readonly device: string | undefined;
}

async function open(values: AgentValues, numEnvironments = 1): Promise<LoadedAgent> {
  await loadModules(values.modules);
  return await loadAgent(values.agent, {
    numEnvironments,
    seed: values.seed,
    device: chooseDevice(values.device),
    deterministic: values.deterministic || undefined,
  });
}

const evaluate = defineCommand(
  {
    command: 'tsumugi rl evaluate',
    summary: 'measure an agent: the returns of whole episodes',
    options: {
      agent,
      modules,
      episodes: episodesOf(10),
      environments: { type: 'integer', min: 1, default: 1, help: 'environments that it acts in at a time' },
      ...acting,
      json: { ...json, help: 'print all returns, what they come to and the seed as JSON' },
    },
  },
  async (options, io) => {
    const { episodes, environments: size, seed } = options;
    using loaded = await open(options, size);
    const made = await Promise.all(Array.from({ length: size }, () => loaded.makeEnvironment()));
    using environments = new SerialVectorEnvironment(made);
    const evaluation = await stoppable(io, [], 'nothing was measured', (pause) =>
      evaluateActor(loaded.actor, environments, { length: { episodes }, seed, pause }),
    );
    if (!evaluation) return signalExitCode();
    const { returns, lengths } = evaluation;
    const summary = summarize(returns);
    const { environment } = loaded.config;
    const result = { agent: options.agent, environment, seed, episodes, ...summary, returns, lengths };
    const { mean, stdev, median, min, max } = summary;
    const [spread, middle, least, most] = [stdev, median, min, max].map(formatNumber);
    const sentence = `return ${formatNumber(mean)} ± ${spread}, median ${middle}, from ${least} to ${most}: ${count(episodes)} of ${environment}, seed ${seed}`;
    return write(io.stdout, `${options.json ? JSON.stringify(result) : sentence}\n`);
  },
);

const count = (episodes: number): string => (episodes === 1 ? 'one episode' : `${episodes} episodes`);

const watch = defineCommand(
  {
    command: 'tsumugi rl run',
    summary: 'watch an agent act, step by step',
    options: {
      agent,
      modules,
      episodes: episodesOf(1),
      ...acting,
      json: { ...json, help: 'print each step as a line of JSON' },
    },
  },
  async (options, io) => {
    const { episodes, seed } = options;
    using loaded = await open(options);
    using environments = new SerialVectorEnvironment([await loaded.makeEnvironment()]);
    const show = watcher(io, options.json);
    const evaluation = await stoppable(io, [], 'the episode is left as it is', (pause) =>
      evaluateActor(loaded.actor, environments, { length: { episodes }, seed, pause, watch: show }),
    );
    if (!evaluation) return signalExitCode();
    return 0;
  },
);

/** Writes each step as it is taken. */
function watcher(io: Io, asJson: boolean): (step: WatchedStep) => void {
  let total = 0;
  return ({ episode, step, observation, action, reward, terminated, truncated }) => {
    total = step === 1 ? reward : total + reward;
    const plain = (value: unknown) => (typeof value === 'number' ? value : Array.from(value as Float32Array));
    if (asJson) {
      const line = { episode, step, observation: plain(observation), action: plain(action), reward, return: total };
      io.stdout.write(`${JSON.stringify({ ...line, terminated, truncated })}\n`);
      return;
    }
    const done = plain(action);
    const acted = typeof done === 'number' ? String(done) : `[${done.map(formatNumber).join(' ')}]`;
    const parts = [
      `step ${step}`,
      `action ${acted}`,
      `reward ${formatNumber(reward)}`,
      `return ${formatNumber(total)}`,
    ];
    io.stdout.write(`${parts.join('  ')}\n`);
    const end = terminated ? 'ended' : truncated ? 'was cut off' : undefined;
    if (end) io.stdout.write(`episode ${episode + 1} ${end} after ${step} steps: return ${formatNumber(total)}\n`);
  };
}

const record = defineCommand(
  {
    command: 'tsumugi rl record',
    summary: 'film an agent: an animated picture, and each frame as a PNG file',
    options: {
      agent,
      modules,
      out: { type: 'string', value: 'FILE', required: true, help: 'file to write, .webp or .gif' },
      frames: { type: 'string', value: 'DIR', help: 'new folder for the frames as PNG files' },
      episodes: episodesOf(1),
      maxFrames: { type: 'integer', min: 1, default: 1000, help: 'frames at most: what comes after is not filmed' },
      fps: { type: 'integer', min: 1, max: 100, default: 30, help: 'frames per second' },
      ...acting,
      json,
    },
  },
  async (options, io) => {
    const { out, frames: folder, episodes, maxFrames, fps, seed } = options;
    requireFilmPath(out);
    using loaded = await open(options);
    const environment = await loaded.makeEnvironment();
    requirePicture(environment);
    const filmed = await stoppable(io, [], 'nothing was written', (pause) =>
      recordEpisodes(loaded.actor, environment, { episodes, seed, maxFrames, pause }),
    );
    if (!filmed) return signalExitCode();
    const { frames, returns } = filmed;
    if (folder !== undefined) writeFrames(folder, frames);
    await writeFilm(out, { frames, framesPerSecond: fps });
    const result = { out, ...(folder !== undefined && { folder }), frames: frames.length, returns };
    const sentence = `${frames.length} ${frames.length === 1 ? 'frame' : 'frames'} of ${count(returns.length)} → ${[out, folder].filter(Boolean).join(', ')}`;
    return write(io.stdout, `${options.json ? JSON.stringify(result) : sentence}\n`);
  },
);

export const run = defineGroup('tsumugi rl', 'train agents by reinforcement, watch, measure and film them', {
  train: { summary: 'train an agent in an environment', run: train },
  run: { summary: 'watch an agent act, step by step', run: watch },
  evaluate: { summary: 'measure an agent: the returns of whole episodes', run: evaluate },
  record: { summary: 'film an agent', run: record },
});
