// What a training run would do and take, without a run folder: steps are rehearsed for a few seconds on an agent that is thrown away.
import { availableDisk, checkOptions, type OptionNames, steady } from '../../base/index.ts';
import { type Forecast, formatForecast, requireFits, type SpaceForecast } from '../../loop/index.ts';
import { namedTensors } from '../../nn/index.ts';
import type { ProgressStream } from '../../run/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import type { Box, Space } from '../spaces/index.ts';
import { describeTraining, prepareTraining } from './prepare.ts';
import type { RlConfig } from './train-config.ts';
import { Trainer, totalSteps } from './trainer.ts';

export interface AgentForecast extends Forecast {
  /** Whether it learned in the rehearsal; otherwise steps take longer once it does. */
  learned: boolean;
}

export interface PlanAgentOptions {
  stream?: ProgressStream;
  /** Of the rehearsal at most; 3 when left out. */
  seconds?: number;
}

const optionNames: OptionNames<PlanAgentOptions> = { stream: true, seconds: true };

/**
 * Prints what `trainAgent` would train in what, with a forecast of time, memory and disk, and returns the forecast.
 *
 * @throws ConfigError, UserError as `trainAgent` would
 */
export async function planAgent(given: RlConfig, options: PlanAgentOptions = {}): Promise<AgentForecast> {
  checkOptions('planAgent', options, optionNames);
  const { seconds = 3 } = options;
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  using prepared = await prepareTraining(given);
  const { config, kind, training } = prepared;
  print(describeTraining(config, training));
  using trainer = new Trainer(rehearsed(config), kind, training);
  const before = fingerprint(trainer.agent);
  const secondsPerStep = rehearse(trainer, totalSteps(config), seconds);
  const learned = fingerprint(trainer.agent) !== before;
  const space = forecastSpace(config, trainer);
  requireFits(space);
  const forecast = { ...space, steps: totalSteps(config), secondsPerStep, learned };
  print(formatForecast(forecast));
  if (!learned)
    print(`the ${trainer.step} steps of the rehearsal ended before the first update: with updates, steps take longer`);
  return forecast;
}

/** Updates begin early, so that they are part of the rehearsal: what one takes does not depend on how much replay holds. */
function rehearsed(config: RlConfig): RlConfig {
  const { replayStart } = config.agentSettings;
  if (typeof replayStart !== 'number') return config;
  return { ...config, agentSettings: { ...config.agentSettings, replayStart: Math.min(replayStart, 200) } };
}

/** Seconds of a step, by those that are taken in the second half of `seconds`; of a short run by all. */
function rehearse(trainer: Trainer, total: number, seconds: number): number {
  const take = (longest: number) => {
    const [began, first] = [performance.now(), trainer.step];
    const elapsed = () => (performance.now() - began) / 1000;
    while (trainer.step < total && elapsed() < longest) trainer.takeStep();
    return { seconds: elapsed(), steps: trainer.step - first };
  };
  const begin = take(seconds / 2);
  const measured = trainer.step < total ? take(seconds / 2) : begin;
  return measured.seconds / measured.steps;
}

/** A number that is another one after an update. */
const fingerprint = ({ networks }: Agent): number =>
  noGrad(() =>
    scope(() =>
      Object.values(networks)
        .flatMap((network) => [...namedTensors(network)])
        .reduce((sum, [, tensor]) => sum + tensor.to('float64').abs().sum().item(), 0),
    ),
  );

function forecastSpace(config: RlConfig, { agent, environments }: Trainer): SpaceForecast {
  const learned = scope(() =>
    Object.entries(agent.state().tensors)
      .filter(([group]) => !group.startsWith('replay'))
      .flatMap(([, tensors]) => tensors.map(([, tensor]) => tensor.numel() * bytesPerElement(tensor)))
      .reduce((sum, bytes) => sum + bytes, 0),
  );
  const { capacity } = config.agentSettings;
  const rows = typeof capacity === 'number' ? Math.min(capacity, totalSteps(config)) : 0;
  // An observation and an action of each step, its reward and how it ended.
  const replay = rows * (bytesOf(environments.observationSpace) + bytesOf(environments.actionSpace) + 10);
  const resident = process.memoryUsage.rss();
  return {
    label: 'rl',
    memory: [
      { what: 'agent, environments, Node, libtorch', bytes: resident },
      ...(replay > 0 ? [{ what: 'replay', bytes: replay }] : []),
    ],
    availableMemoryBytes: process.availableMemory() + resident,
    disk: [
      {
        what: `checkpoints: ${config.keepLast + 1}, with one being written`,
        bytes: (config.keepLast + 1) * (learned + replay),
      },
      { what: 'agents', bytes: 2 * learned },
    ],
    availableDiskBytes: availableDisk(config.out),
    out: config.out,
    remedy: 'Lower agentSettings.capacity or numEnvironments.',
  };
}

const bytesPerElement = ({ dtype }: Tensor): number => Number(/\d+$/.exec(dtype)?.[0] ?? 8) / 8;

function bytesOf(space: Space): number {
  if (space.kind === 'Discrete') return 4;
  const size = space.shape.reduce((product, length) => product * length, 1);
  return size * ((space as Box).dtype === 'uint8' ? 1 : 4);
}
