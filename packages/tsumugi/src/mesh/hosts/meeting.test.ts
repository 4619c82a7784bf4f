// How ranks of several machines find each other: by address, by name, over which network; and what they say when they do not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { Hosts, hostsLack } from './hosts.testing.ts';
import { type HostRankOptions, startRank } from './start-rank.testing.ts';

const script = fileURLToPath(new URL('meeting.testing.ts', import.meta.url));
/** All hosts here have the name of this machine. */
const name = hostname();

describe('two hosts meet', requires(hostsLack === undefined, hostsLack ?? ''), () => {
  let hosts: Hosts;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsumugi-meeting-'));
    hosts = await Hosts.make(2);
    hosts.connectDirectly();
    for (const host of [0, 1]) hosts.ip(host, `address add fd00::${host + 1}/64 dev eth0 nodad`);
  });
  afterAll(() => {
    hosts?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function meet(options: (rank: number) => Partial<HostRankOptions>): Promise<string[]> {
    const ranks = [0, 1].map((rank) => startRank(hosts, rank, [script], { world: 2, timeout: 20, ...options(rank) }));
    const results = await Promise.all(ranks.map(({ ended }) => ended));
    const said = results.map(({ code, stdout, stderr }) => {
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as { sum: number; hosts: string[] };
    });
    expect(said[1]).toEqual(said[0]);
    expect(said[0]!.sum).toBe(3);
    return said[0]!.hosts;
  }

  /** Has a rank know names as `lines` say, in place of /etc/hosts. */
  const knowing = (rank: number, lines: string): readonly string[] => {
    const file = join(folder, `hosts-${rank}`);
    writeFileSync(file, lines);
    return ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', file];
  };

  it('by the address of the first, and are told apart by theirs, not by their name', async () => {
    expect(await meet(() => ({}))).toEqual([`${name} (10.0.0.1)`, `${name} (10.0.0.2)`]);
  });

  it('over IPv6', async () => {
    const env = { MASTER_ADDR: 'fd00::1' };
    expect(await meet(() => ({ env }))).toEqual([`${name} (fd00::1)`, `${name} (fd00::2)`]);
  });

  it('by a name that leads to the loopback on the machine that has it', async () => {
    const env = { MASTER_ADDR: 'first' };
    const lines = ['127.0.0.1 localhost\n127.0.1.1 first\n', '127.0.0.1 localhost\n10.0.0.1 first\n'];
    expect(await meet((rank) => ({ env, through: knowing(rank, lines[rank]!) }))).toEqual([
      `${name} (10.0.0.1)`,
      `${name} (10.0.0.2)`,
    ]);
  });

  it('when the first calls itself localhost', async () => {
    const hostsMet = await meet((rank) => (rank === 0 ? { env: { MASTER_ADDR: 'localhost' } } : {}));
    expect(hostsMet).toEqual([`${name} (10.0.0.1)`, `${name} (10.0.0.2)`]);
  });

  it('and work over the interface that they are told', async () => {
    const received = () => ['eth0', 'eth1'].map((device) => hosts.received(0, device));
    const before = received();
    const met = await meet(() => ({ env: { GLOO_SOCKET_IFNAME: 'eth1' } }));
    expect(met).toEqual([`${name} (10.0.1.1)`, `${name} (10.0.1.2)`]);
    const [meeting, working] = received().map((bytes, i) => bytes - before[i]!);
    expect(working).toBeGreaterThan(400_000);
    expect(meeting).toBeLessThan(200_000);
  });
});

describe('what does not meet says why', requires(hostsLack === undefined, hostsLack ?? ''), () => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await Hosts.make(2);
  });
  afterAll(() => hosts?.[Symbol.dispose]());
  const run = async (rank: number, options: Partial<HostRankOptions> = {}) =>
    await startRank(hosts, rank, [script], { world: 2, timeout: 2, ...options }).ended;

  it('an interface that the machine lacks', async () => {
    const { code, stderr } = await run(0, { env: { GLOO_SOCKET_IFNAME: 'eth7' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^GLOO_SOCKET_IFNAME should name a network interface of .* that has an address, it is "eth7"\n.*There are lo, eth0\./,
    );
  });

  it('an address that no packet comes back from, and a name that nobody knows', async () => {
    const results = await Promise.all([
      run(1, { env: { MASTER_ADDR: '10.0.0.9' } }),
      run(1, { env: { MASTER_ADDR: 'nowhere.invalid' } }),
    ]);
    expect(results.map(({ code }) => code)).toEqual([1, 1]);
    expect(results[0]!.stderr).toMatch(/^rank 0 cannot be reached at 10\.0\.0\.9:29500 \((no answer|EHOSTUNREACH)\)\n/);
    expect(results[1]!.stderr).toMatch(
      /^rank 0 cannot be reached at nowhere\.invalid:29500 \((ENOTFOUND|EAI_AGAIN)\)\n/,
    );
  });

  it('one that came too late, and the one that it left waiting', async () => {
    const first = await run(0);
    expect([first.code, first.stderr.split('\n')[0]]).toEqual([1, 'rank 1 of 2 did not come within 2 s']);
    const late = await run(1);
    expect([late.code, late.stderr.split('\n')[0]]).toEqual([
      1,
      'rank 0 cannot be reached at 10.0.0.1:29500 (ECONNREFUSED)',
    ]);
  });
});
