// The files in deploy/ that start trainings as several processes: they give options that there are, to Slurm, torchrun, Kubernetes and
// us, and tell each process what a training needs to know.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { placeOf } from '../packages/tsumugi/src/mesh/environment.ts';
import { readPage, root } from './snippets.testing.ts';

const path = (name: string) => `${root}deploy/${name}`;
const read = (name: string) => readFileSync(path(name), 'utf8');
const page = readPage('scale.md');
const helpOf = async (command: string) => (await runCli([command, '--help'])).stdout;

/** Programs of that name, each a shell script, first on the PATH. */
let folder: string;
const fake = (name: string, script: string) => {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-deploy-'));
  fake(
    'tsumugi',
    'echo "place $RANK $LOCAL_RANK $LOCAL_WORLD_SIZE $WORLD_SIZE $MASTER_ADDR $MASTER_PORT $TSUMUGI_THREADS $*"; exit $CODE',
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(name: string, args: readonly string[], env: Record<string, string>) {
  const { RANK: _, WORLD_SIZE: __, TSUMUGI_THREADS: ___, ...rest } = process.env;
  const { status, stdout, stderr } = spawnSync('bash', [path(name), ...args], {
    encoding: 'utf8',
    env: { ...rest, CODE: '0', ...env, PATH: `${folder}${delimiter}${process.env['PATH']}` },
  });
  return { status, lines: stdout.split('\n').filter(Boolean), stderr };
}

/** Where the processes are, by what they were told. */
const places = (lines: readonly string[]) =>
  lines
    .filter((line) => line.startsWith('place '))
    .map((line) => line.split(' ').slice(1))
    .map(([RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, WORLD_SIZE, MASTER_ADDR, MASTER_PORT]) =>
      placeOf({ RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, WORLD_SIZE, MASTER_ADDR, MASTER_PORT }),
    );

const options = (words: readonly string[]) =>
  words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split('=')[0]!);

/** The command of an example: its options are those of the command. */
async function checkCommand(line: string): Promise<void> {
  const [command, ...words] = line.trim().split(' ');
  const help = await helpOf(command!);
  expect(options(words).length, line).toBeGreaterThan(0);
  for (const option of options(words)) expect(help, line).toContain(`${option} `);
}

describe('slurm.sh', () => {
  /** Of the manual pages of Slurm 22.05. */
  const known = {
    sbatch: [
      ...['--job-name', '--nodes', '--ntasks-per-node', '--cpus-per-task', '--time', '--output', '--open-mode'],
      ...['--requeue', '--signal', '--gpus-per-node', '--partition'],
    ],
    srun: ['--cpus-per-task', '--cpu-bind', '--kill-on-bad-exit', '--wait'],
  };
  const script = read('slurm.sh');
  const job = {
    ...{
      SLURM_JOB_ID: '12345',
      SLURM_JOB_NODELIST: 'node[7-8]',
      SLURM_NTASKS: '4',
      SLURM_NTASKS_PER_NODE: '2',
      SLURM_CPUS_PER_TASK: '3',
    },
  };

  beforeAll(() => {
    fake('scontrol', 'case $1 in show) echo node7; echo node8;; *) echo "scontrol $*";; esac');
    // Two nodes of two tasks; ends as the last of them.
    fake(
      'srun',
      `while [ "\${1#--}" != "$1" ]; do echo "option \${1%%=*}"; shift; done
       for i in 0 1 2 3; do SLURM_PROCID=$i SLURM_LOCALID=$((i % 2)) "$@"; code=$?; done; exit $code`,
    );
  });

  it('gives options that Slurm has', () => {
    const directives = [...script.matchAll(/^#SBATCH (--[a-z-]+)(=\S+)?$/gm)].map(([, option]) => option!);
    expect(directives.length).toBe(script.match(/^#SBATCH/gm)!.length);
    const named = options(/sbatch (.*?) deploy\/slurm\.sh/.exec(page)![1]!.split(' '));
    for (const option of [...directives, ...named]) expect(known.sbatch).toContain(option);
    const { lines } = run('slurm.sh', ['pretrain'], job);
    const given = lines.filter((line) => line.startsWith('option ')).map((line) => line.slice(7));
    expect(given.length).toBe(4);
    for (const option of given) expect(known.srun).toContain(option);
  });

  it('tells each task its place, and hands the command on word by word', () => {
    const { status, lines } = run('slurm.sh', ['pretrain', '--out', 'a b', '$HOME'], job);
    expect(status).toBe(0);
    const each = (rank: number) => ({
      ...{ rank, world: 4, localWorld: 2, host: 'node7', port: 22_345 },
    });
    expect(places(lines)).toEqual([0, 1, 2, 3].map((rank) => expect.objectContaining(each(rank))));
    const told = lines.filter((each) => each.startsWith('place'));
    expect(
      told.map((line) => line.split(' ')[2]),
      'LOCAL_RANK',
    ).toEqual(['0', '1', '0', '1']);
    for (const line of told) expect(line).toMatch(/ 3 pretrain --out a b \$HOME$/);
  });

  it('puts a job that has saved into the queue again, and no other', () => {
    const saved = run('slurm.sh', ['pretrain'], { ...job, CODE: '143' });
    expect([saved.status, saved.lines.at(-1)]).toEqual([143, 'scontrol requeue 12345']);
    const failed = run('slurm.sh', ['pretrain'], { ...job, CODE: '2' });
    expect([failed.status, failed.lines.filter((line) => line.startsWith('scontrol'))]).toEqual([2, []]);
  });

  it('has examples that there are', async () => {
    for (const text of [script, page]) await checkCommand(/deploy\/slurm\.sh (pretrain .*)/.exec(text)![1]!);
  });
});

describe('torchrun.sh', () => {
  /** Of the documentation of torchrun (PyTorch 2). */
  const known = [
    '--nnodes',
    '--nproc-per-node',
    '--standalone',
    '--rdzv-backend',
    '--rdzv-endpoint',
    '--rdzv-id',
    '--no-python',
  ];
  beforeAll(() =>
    fake('torchrun', 'echo "$TORCH_DISABLE_SHARE_RDZV_TCP_STORE $TSUMUGI_THREADS"; for i in "$@"; do echo "$i"; done'),
  );

  it.each([
    ['one machine', { PROCESSES: '2' }, ['--nnodes', '1', '--nproc-per-node', '2', '--standalone']],
    [
      'several',
      { PROCESSES: '8', NODES: '2', MASTER: 'a:29400' },
      [
        '--nnodes',
        '2',
        '--nproc-per-node',
        '8',
        '--rdzv-backend',
        'c10d',
        '--rdzv-endpoint',
        'a:29400',
        '--rdzv-id',
        'a:29400',
      ],
    ],
  ])('gives options that torchrun has, for %s', (_, env, words) => {
    const { status, lines } = run('torchrun.sh', ['pretrain', '--out', 'a b'], env);
    expect([status, lines.slice(1)]).toEqual([0, [...words, '--no-python', 'tsumugi', 'pretrain', '--out', 'a b']]);
    for (const option of options(words)) expect(known).toContain(option);
    expect(lines[0]).toMatch(/^1 [1-9]\d*$/);
  });

  it('asks for the address where there are several machines', () => {
    const { status, stderr } = run('torchrun.sh', ['pretrain'], { NODES: '2' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('MASTER');
  });

  it('has examples that there are, as the page', async () => {
    for (const [, command] of read('torchrun.sh').matchAll(/torchrun\.sh (pretrain .*)/g)) await checkCommand(command!);
    const [, words, command] = /^.*torchrun (--standalone .*) tsumugi (pretrain .*)$/m.exec(page)!;
    for (const option of options(words!.split(' '))) expect(known).toContain(option);
    await checkCommand(command!);
  });
});

describe('pytorchjob.yaml', () => {
  const job = parse(read('pytorchjob.yaml'), { merge: true });
  const { Master: first, Worker: others } = job.spec.pytorchReplicaSpecs;
  const pod = first.template.spec;
  const [container] = pod.containers;

  it('has the fields of the operator', () => {
    expect([job.apiVersion, job.kind]).toEqual(['kubeflow.org/v1', 'PyTorchJob']);
    expect(Object.keys(job.spec).sort()).toEqual(['pytorchReplicaSpecs', 'runPolicy']);
    const policy = [
      'cleanPodPolicy',
      'ttlSecondsAfterFinished',
      'activeDeadlineSeconds',
      'backoffLimit',
      'schedulingPolicy',
      'suspend',
    ];
    for (const key of Object.keys(job.spec.runPolicy)) expect(policy).toContain(key);
    for (const role of [first, others]) {
      expect(Object.keys(role).sort()).toEqual(['replicas', 'restartPolicy', 'template']);
      expect(role.restartPolicy).toBe('OnFailure');
      expect(role.template).toEqual(first.template);
    }
    // It gives the port of this container, of this name, as MASTER_PORT.
    expect([container.name, container.ports]).toEqual([
      'pytorch',
      [{ name: 'pytorchjob-port', containerPort: 23_456 }],
    ]);
  });

  it('starts processes that know their place from what the operator sets', () => {
    expect(first.replicas).toBe(1);
    const world = first.replicas + others.replicas;
    const shared = { MASTER_ADDR: `${job.metadata.name}-master-0`, MASTER_PORT: '23456', WORLD_SIZE: String(world) };
    for (let rank = 0; rank < world; rank++)
      expect(placeOf({ ...shared, RANK: String(rank), PYTHONUNBUFFERED: '0' })).toMatchObject({
        rank,
        world,
      });
  });

  it('runs the image as it is, with options that there are, and goes on when it is started again', async () => {
    const entrypoint: string[] = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(read('Dockerfile'))![1]!);
    expect(container.command).toEqual(entrypoint.slice(0, entrypoint.indexOf('serve')));
    await checkCommand(container.args.join(' '));
    expect(container.args).toContain('--resume');
    const serving = readFileSync(path('kubernetes.yaml'), 'utf8');
    expect(serving).toContain(`image: ${container.image}`);
    const known = readPage('environment.md');
    for (const { name } of container.env) expect(known).toContain(`\`${name}\``);
  });

  it('has as many threads as cores, room to save, and may do little', () => {
    expect(container.env).toEqual([{ name: 'TSUMUGI_THREADS', value: container.resources.requests.cpu }]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(300);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10_001, fsGroup: 10_001 });
    expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    expect(container.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(
      pod.volumes.map(({ name }: { name: string }) => name),
    );
    expect(container.args[container.args.indexOf('--out') + 1]).toMatch(/^\/runs\//);
  });
});

it('the page gives launch options that it has', async () => {
  const help = await helpOf('launch');
  const lines = [...page.matchAll(/tsumugi launch (.*?) -- (\w+)/g)];
  expect(lines.length).toBeGreaterThan(2);
  for (const [, words] of lines) for (const option of options(words!.split(' '))) expect(help).toContain(`${option} `);
  for (const [, option] of page.matchAll(/`(--(?:no-pin|grace-seconds|node-rank|nodes|master|processes))\b/g))
    expect(help).toContain(`${option} `);
});
