// Every option of `tsumugi rl …` reaches something, or is refused by name where it would not.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TinyRuns, tinyRuns } from '../rl/experiments/experiments.testing.ts';
import { runCli } from './cli.testing.ts';

let runs: TinyRuns;
const at = (...names: string[]) => runs.at(...names);
const rl = (...args: string[]) => runCli(['rl', ...args]);
beforeAll(async () => {
  runs = tinyRuns();
  const settings = { environment: 'Corridor-v0', agent: 'linear-q', steps: 150, evaluation: { episodes: 1 } };
  writeFileSync(at('a.json'), JSON.stringify({ ...settings, agentSettings: { evaluationEpsilon: 0.4 } }));
  for (const [name, ...more] of [['a'], ['b', '--set', 'seed=1', 'agentSettings.evaluationEpsilon=0.9']] as const)
    expect((await rl('train', at('a.json'), '--out', at(name), ...more)).code).toBe(0);
}, 120_000);
afterAll(() => runs[Symbol.dispose]());

async function optionsOf(command: string): Promise<string[]> {
  const { stdout } = await rl(command, '--help');
  const [, listed] = stdout.split('\nOptions:\n');
  return [...listed!.split('\n\n')[0]!.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name!).sort();
}

type Seen = Awaited<ReturnType<typeof rl>>;
const refused = ({ code, stderr }: Seen, message: RegExp) => {
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
};

/** Runs a command with each change; what it prints differs. Returns the options that were tried. */
async function differs(command: string, usual: string[], changes: Record<string, string[]>): Promise<string[]> {
  const given = (more: string[]) => (more.includes('--agent') ? [] : ['--agent', at('a', 'model')]);
  const base = await rl(command, ...given([]), ...usual);
  expect(base.code).toBe(0);
  for (const [name, args] of Object.entries(changes)) {
    const { code, stdout } = await rl(command, ...given(args), ...usual, ...args);
    expect([code, stdout === base.stdout], name).toEqual([0, false]);
  }
  refused(await rl(command, ...given([]), ...usual, '--device', 'gpu'), /--device/);
  refused(await rl(command, ...given([]), ...usual, '--deterministic'), /deterministic has no effect/);
  // Loaded before anything else: what it throws is told.
  const module = at(`of-${command}.ts`);
  writeFileSync(module, 'throw new Error("not today");');
  refused(await rl(command, ...given([]), ...usual, '--modules', module), /not today/);
  return [...Object.keys(changes), 'device', 'deterministic', 'modules'];
}

it('of evaluate', async () => {
  const tried = await differs('evaluate', ['--episodes', '4'], {
    agent: ['--agent', at('b', 'model')],
    episodes: ['--episodes', '6'],
    environments: ['--environments', '3'],
    seed: ['--seed', '5'],
    json: ['--json'],
  });
  expect(await optionsOf('evaluate')).toEqual(tried.sort());
});

it('of run', async () => {
  const tried = await differs('run', [], {
    agent: ['--agent', at('b', 'model')],
    episodes: ['--episodes', '2'],
    seed: ['--seed', '5'],
    json: ['--json'],
  });
  expect(await optionsOf('run')).toEqual(tried.sort());
});

it('of record', async () => {
  const usual = ['--out', at('film.webp')];
  const tried = await differs('record', usual, {
    agent: ['--agent', at('b', 'model')],
    episodes: ['--episodes', '2'],
    'max-frames': ['--max-frames', '2'],
    seed: ['--seed', '5'],
    frames: ['--frames', at('frames')],
    json: ['--json'],
  });
  expect(readdirSync(at('frames')).length).toBeGreaterThan(2);
  const film = async (...more: string[]) => {
    await rl('record', '--agent', at('a', 'model'), ...usual, ...more);
    return readFileSync(at('film.webp')).toString('base64');
  };
  expect(await film('--fps', '10')).not.toBe(await film());
  await rl('record', '--agent', at('a', 'model'), '--out', at('other.gif'));
  expect(existsSync(at('other.gif'))).toBe(true);
  expect(await optionsOf('record')).toEqual([...tried, 'fps', 'out'].sort());
});

it('of train', async () => {
  expect(await optionsOf('train')).toEqual(['json', 'list', 'out', 'plan', 'resume', 'set']); // rl.test.ts tries them
});
