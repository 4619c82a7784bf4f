// Which commands can run as several processes, and why another one cannot.
import { ConfigError } from '../base/index.ts';
import { findCommand } from './commands.ts';

/** The trainings whose loop runs over processes. */
export const overRanks = ['pretrain', 'extend', 'distill', 'sft', 'dpo', 'gan train'] as const;

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

/** @throws ConfigError unless the command line, without `tsumugi`, is that of a training over processes */
export function requireOverRanks([name = '', next = '']: readonly string[]): void {
  findCommand(name);
  const both = `${name} ${next}`;
  const can = (each: string) => (overRanks as readonly string[]).includes(each);
  if (can(both) || (can(name) && reasons[both] === undefined)) return;
  const isGroup = overRanks.some((each) => each.startsWith(`${name} `));
  const called = isGroup || reasons[both] !== undefined ? both.trim() : name;
  const [why, remedy] = reasons[called] ?? ['it is one process', 'Start it without launch.'];
  throw new ConfigError('not-over-ranks', `tsumugi ${called} cannot run as several processes: ${why}`, {
    remedy: `${remedy} Those that can: ${overRanks.join(', ')}.`,
    fields: { command: called },
  });
}
