// `tsumugi rl train`: from a named experiment or a file of settings to the folder of an agent.
import { existsSync } from 'node:fs';
import { ConfigError, isObject } from '../base/index.ts';
import {
  agentKind,
  agentNames,
  environmentIds,
  loadModules,
  planAgent,
  type RlPreset,
  rlConfig,
  rlPreset,
  rlPresets,
  settingsOfPreset,
  trainAgent,
  wrapperNames,
} from '../rl/index.ts';
import { defineCommand, type Run } from './command.ts';
import { describeSettings, settingsHelp } from './describe-settings.ts';
import { type Io, processIo, write } from './io.ts';
import { formatRows } from './options.ts';
import { readSettingsFile, settingsOptions } from './settings.ts';
import { checkPlan, endPlan, endTraining, trainingOptions } from './training-command.ts';
import { trainingSettings } from './training-settings.ts';
import { withoutEffect } from './without-effect.ts';

type Settings = Readonly<Record<string, unknown>>;

/** The named experiment, or the path of a file; neither with --resume, whose run knows its settings. */
interface Source {
  preset?: RlPreset;
  name?: string;
  file?: string;
}

const isFile = (given: string): boolean => /\.(json|ya?ml)$/i.test(given) || existsSync(given);

function sourceOf(given: string | undefined): Source {
  if (given === undefined) return {};
  return isFile(given) ? { file: given } : { name: given, preset: rlPreset(given) };
}

const command = defineCommand(
  {
    command: 'tsumugi rl train',
    summary: 'train an agent in an environment',
    positionals: ['[NAME|FILE]'],
    options: {
      set: settingsOptions.set,
      ...trainingOptions,
      list: {
        type: 'boolean',
        help: 'list experiments, agents, environments, wrappers; with NAME, its settings and their source',
      },
    },
    details:
      'NAME is an experiment of --list, FILE holds settings as JSON or YAML; with --resume neither is needed. With NAME|FILE --help, the\n' +
      `settings of its agent are listed, too. See docs/rl/experiments.md.\n\n${settingsHelp(rlConfig)}`,
  },
  async (options, io, [given]) => {
    const { set, out, resume, plan, json } = options;
    checkPlan(options);
    if (options.list) {
      withoutEffect('--list prints the experiments and ends', { set: set.length > 0, out, resume, plan });
      await list(given, json, io);
      return 0;
    }
    const { preset, name, file } = sourceOf(given);
    if (given === undefined && !resume)
      throw new ConfigError(
        'missing-argument',
        'tsumugi rl train needs the name of an experiment, or a file of settings',
        {
          remedy: 'See tsumugi rl train --list, or write a file: environment: CartPole-v1, agent: dqn.',
        },
      );
    const base = preset && settingsOfPreset(preset);
    const values = { config: file, set, resume, out };
    const schema = await schemaFor(base ?? readSettingsFile(file), set);
    const config = trainingSettings(schema, 'rl', values, { out: plan ? (out ?? '.') : out }, base);
    if (plan) return endPlan(io, options, await planAgent(config, { stream: io.stderr }));
    const result = await trainAgent(config, { resume, stream: io.stderr, experiment: name });
    const sentence = ({ steps, episodes, folder }: typeof result) => `${steps} steps, ${episodes} episodes → ${folder}`;
    return endTraining(io, 'tsumugi rl train', { ...options, out: config.out }, result, sentence);
  },
);

/** The files that settings name to be loaded first; what else is wrong with them is found later. */
const modulesOf = ({ modules }: { readonly modules?: unknown }): readonly string[] =>
  Array.isArray(modules) ? modules.filter((each) => typeof each === 'string') : [];

/** The settings with those of the agent they name inside, so that these are checked as all others. */
async function schemaFor(settings: Settings, set: readonly string[]): Promise<typeof rlConfig> {
  await loadModules(modulesOf(settings));
  const chosen = set.findLast((each) => each.startsWith('agent='))?.slice('agent='.length) ?? settings['agent'];
  if (typeof chosen !== 'string') return rlConfig;
  const { config } = await agentKind(chosen);
  const own = config.prefault({}).describe("the agent's own settings");
  return rlConfig.extend({ agentSettings: own }) as unknown as typeof rlConfig;
}

const sources = { paper: 'the paper', code: 'ChainerRL’s script', ours: 'our choice' } as const;

async function list(given: string | undefined, json: boolean, io: Io): Promise<void> {
  if (given === undefined) {
    const rows = Object.entries(rlPresets).map(([name, { summary }]) => [name, summary] as const);
    if (json) return write(io.stdout, `${JSON.stringify(rows.map(([name, summary]) => ({ name, summary })))}\n`);
    const agents = await Promise.all(
      agentNames().map(async (name) => [name, (await agentKind(name)).summary] as const),
    );
    const parts = [
      ['experiments', formatRows(rows)],
      ['agents', formatRows(agents)],
      ['environments', inLines(environmentIds())],
      ['wrappers', inLines(wrapperNames())],
    ];
    return write(io.stdout, parts.map(([title, text]) => `${title}:\n${text}`).join('\n'));
  }
  const preset = rlPreset(given);
  if (json) return write(io.stdout, `${JSON.stringify({ name: given, ...preset })}\n`);
  const rows = (Object.keys(sources) as (keyof typeof sources)[]).flatMap((source) =>
    flat(preset[source]).map(([key, value]) => [`${key}=${JSON.stringify(value)}`, sources[source]] as const),
  );
  await write(io.stdout, `${preset.summary}\n${formatRows(rows)}`);
}

/** Names in lines of a terminal's width. */
function inLines(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length < 78) lines[lines.length - 1] = `${last} ${name}`;
    else lines.push(`  ${name}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Settings with those inside them by their paths. */
function flat(settings: object, prefix = ''): [string, unknown][] {
  return Object.entries(settings).flatMap(([key, value]): [string, unknown][] =>
    isObject(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, value]],
  );
}

export const train: Run = async (args, io = processIo) => {
  const code = await command(args, io);
  const [given] = args;
  if (!(args.includes('--help') || args.includes('-h')) || given === undefined || given.startsWith('-')) return code;
  const { preset, file } = sourceOf(given);
  const settings: Settings = preset ? settingsOfPreset(preset) : readSettingsFile(file);
  const { agent } = settings as { agent?: unknown };
  if (typeof agent !== 'string') return code;
  await loadModules(modulesOf(settings));
  const rows = describeSettings((await agentKind(agent)).config, 'agentSettings.');
  await write(io.stdout, `\nSettings of the agent ${agent}:\n${formatRows(rows)}`);
  return code;
};
