// docs/rl: commands have the options that they are shown with, experiments are there, and the file of settings is one that trains.
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { agentKind, rlConfig, rlPreset } from '../packages/tsumugi/src/rl/index.ts';
import { blocksOf, readPage } from './snippets.testing.ts';

const pages = ['rl/index.md', 'rl/experiments.md'].map(readPage);

it('shows commands as they are', async () => {
  const commands = pages.flatMap((page) =>
    blocksOf(page, 'sh').flatMap((block) => [...block.matchAll(/^tsumugi rl (\w+)(.*?)(?: +#.*)?$/gm)]),
  );
  expect(commands.length).toBeGreaterThan(12);
  for (const [, command, rest] of commands) {
    const help = (await runCli(['rl', command!, '--help'])).stdout;
    for (const [option] of rest!.matchAll(/--[a-z-]+/g)) expect(help, `rl ${command}`).toContain(option);
    const [, name] = /^ ([a-z][a-z0-9-]*)(?= |$)/.exec(rest!) ?? [];
    if (command === 'train' && name !== undefined) expect(rlPreset(name).summary).toMatch(/./);
  }
});

it('has a file of settings that is accepted', async () => {
  const [yaml] = pages.flatMap((page) => blocksOf(page, 'yaml'));
  const config = rlConfig.parse({ ...parse(yaml!), out: 'x' });
  const { config: schema } = await agentKind(config.agent);
  expect(schema.safeParse(config.agentSettings).success).toBe(true);
});
