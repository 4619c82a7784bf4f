// Processes that the launcher starts meet and add up: on one machine, and on two that have a network between them.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { Hosts, hostsLack } from '../hosts/hosts.testing.ts';
import { freePort } from './free-port.ts';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The words of a launcher whose ranks add up `times` times. */
const words = (times: number, layout: object): string[] => [
  file('launcher.testing.ts'),
  JSON.stringify({
    command: [process.execPath, file('all-reduce.testing.ts'), String(times)],
    layout,
    env: { TSUMUGI_MESH_TIMEOUT: '20', TSUMUGI_THREADS: '1' },
  }),
];

function follow(child: ChildProcess) {
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  child.stdout!.on('data', (bytes) => {
    stdout += bytes;
    if (stdout.split('\n').length > 5) begin();
  });
  child.stderr!.on('data', (bytes) => {
    stderr += bytes;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { begun, ended };
}

/** The process of that rank which the launcher has started. */
function childWithRank(launcher: number, rank: number): number {
  const read = (pid: string, name: string) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8');
    } catch {
      return '';
    }
  };
  const isRank = (pid: string) =>
    read(pid, 'status').includes(`PPid:\t${launcher}\n`) && read(pid, 'environ').includes(`\0RANK=${rank}\0`);
  return Number(readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isRank(pid)));
}

const stdio = ['ignore', 'pipe', 'pipe'] as const;
const layout = { nodes: 1, nodeRank: 0, address: '127.0.0.1' };

it('on one machine, where one is killed: the other says so, and the exit code is that of the one', async () => {
  const child = spawn(process.execPath, words(10_000, { ...layout, processes: 2, port: await freePort() }), {
    stdio: [...stdio],
  });
  const { begun, ended } = follow(child);
  await begun;
  process.kill(childWithRank(child.pid!, 1), 'SIGKILL');
  const { code, stdout, stderr } = await ended;
  expect([code, stdout.split('\n')[0]]).toEqual([137, '3 in a world of 2']);
  expect(stderr).toMatch(/^tsumugi launch: rank 1 was ended by SIGKILL/m);
  expect(stderr).toMatch(/^error: .*rank 1/m);
});

it('on two machines', requires(hostsLack === undefined, hostsLack ?? ''), async () => {
  using hosts = await Hosts.make(2);
  const both = { processes: 2, nodes: 2, address: hosts.address(0), port: 29_500 };
  const [first, second] = [0, 1].map((nodeRank) =>
    follow(hosts.spawn(nodeRank, process.execPath, words(1, { ...both, nodeRank }), { stdio: [...stdio] })),
  );
  const [at0, at1] = await Promise.all([first!.ended, second!.ended]);
  expect([at0.code, at0.stdout], at0.stderr).toEqual([0, '10 in a world of 4\n']);
  expect([at1.code, at1.stdout], at1.stderr).toEqual([0, '']);
});
