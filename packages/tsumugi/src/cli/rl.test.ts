// `tsumugi rl`: experiments and their settings, a small run from training to a film, mistakes.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TinyRuns, tinyRuns } from '../rl/experiments/experiments.testing.ts';
import { runCli } from './cli.testing.ts';

let runs: TinyRuns;
const at = (...names: string[]) => runs.at(...names);
const rl = (...args: string[]) => runCli(['rl', ...args]);
const yaml = `environment: Corridor-v0
agent: linear-q
steps: 300
logEvery: 100
evaluation: { interval: 100, episodes: 3 }
agentSettings:
  evaluationEpsilon: 0.2
`;

beforeAll(async () => {
  runs = tinyRuns();
  writeFileSync(at('corridor.yml'), yaml);
  expect((await rl('train', at('corridor.yml'), '--out', at('run'))).code).toBe(0);
}, 120_000);
afterAll(() => runs[Symbol.dispose]());

it('lists experiments, agents and environments, and says where each setting comes from', async () => {
  const { code, stdout } = await rl('train', '--list');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^experiments:\n( {2}\S+ .*\n)* {2}dqn-cartpole +Double DQN on CartPole/m);
  expect(stdout).toMatch(/^agents:\n( {2}\S+ .*\n)* {2}linear-q +Q-learning/m);
  expect(stdout).toMatch(/^environments:\n( {2}.*\n)* {2}(\S+ )*CartPole-v1/m);
  expect(stdout).toMatch(/^wrappers:\n( {2}.*\n)* {2}(\S+ )*scale-reward/m);
  expect(Math.max(...stdout.split('\n').map((line) => (line.includes('-v1') ? line.length : 0)))).toBeLessThan(81);
  const one = await rl('train', 'naf-pendulum', '--list');
  expect(one.stdout).toMatch(/^ {2}agentSettings.explorer="ou" +ChainerRL’s script$/m);
  expect(one.stdout).toMatch(/^ {2}logEvery=500 +our choice$/m);
  expect(JSON.parse((await rl('train', '--list', '--json')).stdout)).toContainEqual(
    expect.objectContaining({ name: 'naf-pendulum', summary: expect.stringMatching(/./) }),
  );
  const help = (await rl('train', at('corridor.yml'), '--help')).stdout;
  expect(help).toMatch(/^ {2}evaluation\.interval +.*\(default 10000\)$/m);
  expect(help).toMatch(/^ {2}agentSettings\.capacity +transitions in replay \(default 64\)$/m);
});

it('trains from a file, and resumes with more steps without it', async () => {
  const { code, stdout, stderr } = await rl('train', at('corridor.yml'), '--out', at('more'), '--set', 'steps=200');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^200 steps, \d+ episodes → .*more\/model\n$/)]);
  expect(stderr).toMatch(/linear-q in Corridor-v0: 200 steps\n {2}observations {2}Box/);
  expect(stderr).toMatch(/step 100: return .* in 3 episodes of evaluation/);
  const again = await rl('train', '--out', at('more'), '--resume', '--set', 'steps=300', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ interrupted: false, steps: 300, folder: at('more', 'model') });
  const weights = (run: string) => readFileSync(at(run, 'model', 'model.safetensors')).toString('base64');
  expect(weights('more')).toBe(weights('run'));
});

it('forecasts without a run', async () => {
  const { code, stdout, stderr } = await rl('train', at('corridor.yml'), '--plan', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ label: 'rl', steps: 300, learned: true });
  expect(stderr).toMatch(/rl: 300 steps\n {2}time .* (a step|a second)\)\n.*memory/);
});

it('is drawn by the report', async () => {
  const { code, stdout } = await runCli(['report', at('run')]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/return/)]);
  const page = readFileSync(at('run', 'report.html'), 'utf8');
  for (const chart of ['return', 'episode length', 'steps per second']) expect(page).toContain(chart);
});

it('measures an agent', async () => {
  const evaluate = (...more: string[]) => rl('evaluate', '--agent', at('run', 'model'), '--episodes', '5', ...more);
  const json = JSON.parse((await evaluate('--json')).stdout);
  expect(json).toMatchObject({ environment: 'Corridor-v0', seed: 0, episodes: 5 });
  expect(json.returns).toHaveLength(5);
  expect(json.mean).toBeCloseTo(
    json.returns.reduce((sum: number, each: number) => sum + each / 5, 0),
    12,
  );
  expect(JSON.parse((await evaluate('--json')).stdout)).toEqual(json);
  for (const more of [
    ['--seed', '1'],
    ['--environments', '3'],
    ['--episodes', '4'],
  ])
    expect(JSON.parse((await evaluate('--json', ...more)).stdout).returns).not.toEqual(json.returns);
  expect((await evaluate()).stdout).toMatch(
    /^return [\d.]+ ± [\d.]+, median .*, from .* to .*: 5 episodes of Corridor-v0, seed 0\n$/,
  );
});

it('shows an agent step by step', async () => {
  const { stdout } = await rl('run', '--agent', at('run', 'model'), '--episodes', '2');
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^step 1 {2}action [01] {2}reward -0\.050 {2}return -0\.050$/);
  expect(lines.filter((line) => line.startsWith('episode'))).toEqual([
    expect.stringMatching(/^episode 1 (ended|was cut off) after \d+ steps: return /),
    expect.stringMatching(/^episode 2 /),
  ]);
  const json = (await rl('run', '--agent', at('run', 'model'), '--episodes', '2', '--json')).stdout
    .trimEnd()
    .split('\n');
  expect(json).toHaveLength(lines.length - 2);
  expect(JSON.parse(json[0]!)).toMatchObject({ episode: 0, step: 1, observation: [1, 0, 0, 0], terminated: false });
  const other = await rl('run', '--agent', at('run', 'model'), '--episodes', '2', '--seed', '8');
  expect(other.stdout).not.toBe(stdout);
});

it('films an agent', async () => {
  const film = (out: string, ...more: string[]) =>
    rl('record', '--agent', at('run', 'model'), '--out', at(out), ...more);
  const { code, stdout } = await film('film.webp', '--frames', at('frames'), '--json');
  expect(code).toBe(0);
  const { frames, returns } = JSON.parse(stdout);
  expect(returns).toHaveLength(1);
  expect(readdirSync(at('frames'))).toHaveLength(frames);
  expect(existsSync(at('film.webp'))).toBe(true);
  expect((await film('film.gif', '--max-frames', '2')).stdout).toBe(`2 frames of one episode → ${at('film.gif')}\n`);
});

it.each([
  [['train'], 'needs the name of an experiment, or a file of settings'],
  [['train', 'dqn-cartpol', '--out', 'x'], 'there is no experiment "dqn-cartpol"\n  → Did you mean "dqn-cartpole"?'],
  [['train', 'none.yml', '--out', 'x'], 'there is no settings file none.yml'],
  [['train', 'a', 'b'], 'does not know what "b" is for'],
  [['train', 'CORRIDOR'], 'corridor.yml: out is missing\n  → Write --out …'],
  [['train', 'CORRIDOR', '--out', 'x', '--set', 'agent=linear-p'], 'no agent "linear-p"\n  → Did you mean "linear-q"?'],
  [['train', 'CORRIDOR', '--out', 'x', '--set', 'environment=Coridor-v0'], 'no environment "Coridor-v0"'],
  [
    ['train', 'CORRIDOR', '--out', 'x', '--set', 'environment=Pendulum-v1'],
    'linear-q chooses among a few actions, and these are Box(-2, 2, [1], float32)',
  ],
  [
    ['train', 'CORRIDOR', '--out', 'x', '--set', 'agentSettings.epsilom=1'],
    '--set: there is no setting "agentSettings.epsilom"\n  → Did you mean "agentSettings.epsilon"?',
  ],
  [['train', 'CORRIDOR', '--out', 'x', '--set', 'wrappers=scale-rewards'], 'there is no wrapper "scale-rewards"'],
  [
    ['train', 'CORRIDOR', '--out', 'x', '--set', 'wrappers=[{"name":"scale-reward","facto":2}]'],
    'the wrapper scale-reward has no option "facto"',
  ],
  [
    ['train', 'CORRIDOR', '--out', 'x', '--set', 'evaluation={"episodes":1,"steps":1}'],
    'episodes and steps exclude each other',
  ],
  [
    ['train', 'CORRIDOR', '--out', 'x', '--set', 'evaluation.deterministic=true'],
    'evaluation.deterministic has no effect: linear-q draws no actions',
  ],
  [['train', '--plan', '--resume'], '--resume has no effect: --plan prints and ends'],
  [['train', '--list', '--out', 'x'], '--out has no effect: --list prints the experiments and ends'],
  [['evaluate', '--agent', './none'], './none does not exist'],
  [['evaluate', '--agent', 'AGENT', '--deterministic'], 'deterministic has no effect: linear-q draws no actions'],
  [['evaluate', '--agent', 'AGENT', '--device', 'gpu'], '--device'],
  [['record', '--agent', './none', '--out', 'film.mp4'], 'films are written as .gif or .webp'],
  [['record', '--agent', 'BARE', '--out', 'film.gif'], 'BareCorridor-v0 cannot be drawn'],
  [['recor'], 'Did you mean "tsumugi rl record"?'],
])('explains: rl %j', async (args, message) => {
  const places: Record<string, string> = {
    CORRIDOR: at('corridor.yml'),
    AGENT: at('run', 'model'),
    BARE: at('bare', 'model'),
  };
  if (args.includes('BARE'))
    await rl('train', at('corridor.yml'), '--out', at('bare'), '--set', 'environment=BareCorridor-v0', 'steps=20');
  const { code, stdout, stderr } = await rl(...args.map((each) => places[each] ?? each));
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(existsSync('x')).toBe(false);
});
