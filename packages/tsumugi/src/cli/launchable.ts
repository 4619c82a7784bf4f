// Which commands can run as several processes, and why another one cannot.
import { ConfigError } from '../base/index.ts';
import { findCommand } from './commands.ts';

/** The trainings whose loop runs over processes. */
export const launchable = ['pretrain', 'extend', 'distill', 'sft', 'dpo', 'reward', 'gan train'] as const;

/** Commands for which there is more to say than that they are one process. */
const reasons: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  run: ['a recipe has stages of every kind', 'Launch the training of the stage that takes long.'],
  serve: ['a server is one process', 'Start several servers behind a proxy (docs/deploy.md).'],
  launch: ['it is what starts them', 'Name the training after the "--".'],
  'distill logits': [
    'it is one process',
    'Start it as often as there are parts of the data, each with its own --data.',
  ],
};

/** What trains, or makes what is trained on, as one process. Others leave a folder alone, or may well be started on every machine. */
const alone = ['run', 'demo', 'grpo', 'rl train', 'distill logits', 'gan classifier', 'tokenizer train'];

/** @throws ConfigError when this is one of several processes, each of which would do all of the command, into one folder */
export function requireAlone(name: string, args: readonly string[], env = process.env): void {
  const world = Number(env['WORLD_SIZE'] ?? 1);
  if (!(world > 1) || args.includes('--help') || args.includes('-h')) return;
  const called = [name, `${name} ${args[0] ?? ''}`].find((each) => alone.includes(each));
  if (called === undefined) return;
  throw new ConfigError(
    'not-over-ranks',
    `tsumugi ${called} is one process, and WORLD_SIZE is ${env['WORLD_SIZE']}: each would do all of it, into one folder`,
    {
      remedy: `Start it once, without WORLD_SIZE (env -u WORLD_SIZE tsumugi ${called} …). Those that share their work: ${launchable.join(', ')}.`,
      fields: { command: called },
    },
  );
}

/** @throws ConfigError unless the command line, without `tsumugi`, is that of a training over processes */
export function requireLaunchable([name = '', next = '']: readonly string[]): void {
  findCommand(name);
  const both = `${name} ${next}`;
  const can = (each: string) => (launchable as readonly string[]).includes(each);
  if (can(both) || (can(name) && reasons[both] === undefined)) return;
  const isGroup = launchable.some((each) => each.startsWith(`${name} `));
  const called = isGroup || reasons[both] !== undefined ? both.trim() : name;
  const [why, remedy] = reasons[called] ?? ['it is one process', 'Start it without launch.'];
  throw new ConfigError('not-over-ranks', `tsumugi ${called} cannot run as several processes: ${why}`, {
    remedy: `${remedy} Those that can: ${launchable.join(', ')}.`,
    fields: { command: called },
  });
}
