// The example in docs/gan.md is the one in examples/ and runs; its commands have the options it uses.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { type TinyGan, tinyGan } from '../packages/tsumugi/src/gan/gan.testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(`${root}docs/gan.md`, 'utf8');
const example = readFileSync(`${root}examples/own-gan.ts`, 'utf8');

let setup: TinyGan;
beforeAll(() => {
  setup = tinyGan();
});
afterAll(() => setup[Symbol.dispose]());

it('has the example of parts of one’s own that is in examples/', () => {
  expect(page).toContain(`\`\`\`ts\n${example.slice(example.indexOf('\n') + 1)}\`\`\`\n`);
});

it('has an example that trains, and that commands refuse to load', async () => {
  const out = setup.at('run');
  execFileSync(process.execPath, [`${root}examples/own-gan.ts`, setup.at('images'), out, '2'], { stdio: 'ignore' });
  expect(existsSync(`${out}/samples.png`)).toBe(true);
  const config = JSON.parse(readFileSync(`${out}/model/config.json`, 'utf8'));
  expect(config.own).toEqual({ generator: 'dense', loss: 'least squares' });
  const sample = ['gan', 'sample', '--model', `${out}/model`, '--out', setup.at('x.png')];
  const { code, stderr } = await runCli(sample);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /the generator of .* is its maker's own, "dense", and no such part was given\n {2}→ Load it from code/,
  );
});

it('names options that exist', async () => {
  const commands = [...page.matchAll(/^tsumugi gan (\w+)(.*?)(?: +#.*)?$/gm)];
  expect(commands.length).toBeGreaterThan(8);
  for (const [, command, rest] of commands) {
    const { stdout } = await runCli(['gan', command!, '--help']);
    for (const [option] of rest!.matchAll(/--[a-z-]+/g)) expect(stdout).toContain(`\n  ${option}`);
  }
});
