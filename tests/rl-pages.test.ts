// docs/rl: every command runs, in the order of its page and on what the commands before it made; programs print what they say they
// print. Trainings are cut short.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { blocksOf, readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

mkdirSync(`${root}build`, { recursive: true });
const home = mkdtempSync(join(root, 'build', 'rl-pages-'));
afterAll(() => rmSync(home, { recursive: true }), 60_000);

const pages = Object.fromEntries(
  ['index', 'experiments', 'mujoco', 'box2d', 'vector', 'pixels'].map((name) => [name, readPage(`rl/${name}.md`)]),
);
const linesOf = (name: string) => blocksOf(pages[name]!, 'sh').flatMap((block) => block.trim().split('\n'));

/** The words of a command, with the files that it names in this test's folder. */
const wordsOf = (line: string): string[] =>
  line
    .replace(/ +#.*/, '')
    .split(/ +/)
    .map((word) => (/^runs\/|\.(yml|webp)$|^frames$/.test(word) ? join(home, word) : word));

/** What a training is cut short by, after the settings that it is given. */
const short = ['steps=60', 'evaluation.interval=0', 'evaluation.episodes=1'];

function shortened([program, ...words]: string[]): string[] {
  expect(program).toBe('tsumugi');
  if (words[1] !== 'train' || !words.includes('--out')) return words;
  const settings = words.includes('--resume') ? ['steps=80'] : short;
  const at = words.indexOf('--set');
  return at < 0 ? [...words, '--set', ...settings] : [...words.slice(0, at + 1), ...settings, ...words.slice(at + 1)];
}

describe.each(['index', 'experiments'])('docs/rl/%s.md', (name) => {
  const files = blocksOf(pages[name]!, 'yaml');
  if (files[0] !== undefined) writeFileSync(join(home, 'cartpole.yml'), files[0]);

  it.each(linesOf(name))('%s', async (line) => {
    const { code, stdout, stderr } = await runCli(shortened(wordsOf(line)));
    expect([code, stderr]).toEqual([0, expect.anything()]);
    expect(stdout + stderr).not.toBe('');
  });
});

describe('programs', () => {
  // Those of experiments.md begin with an agent that its commands made.
  const snippets = ['mujoco', 'box2d', 'vector', 'pixels', 'experiments'].flatMap((name) => snippetsOf(pages[name]!));

  it('print what they say', () => {
    const ran = runSnippets(snippets, home);
    expect(ran).toEqual(snippets.map(({ prints }) => ({ prints })));
    for (const { prints, name } of snippets) expect(prints, name).not.toEqual([]);
  });
});

it.each(Object.keys(pages).flatMap((name) => linesOf(name).filter((line) => line.startsWith('npm '))))('%s', (line) => {
  const [, name, version] = /^npm install (\S+)@(\S+)$/.exec(line)!;
  const { peerDependencies } = JSON.parse(readFileSync(`${root}packages/tsumugi/package.json`, 'utf8')) as {
    peerDependencies: Record<string, string>;
  };
  expect(peerDependencies[name!]).toBe(version);
});
