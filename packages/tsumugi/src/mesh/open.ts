// Meets the other processes, and gives the mesh of them all.
import { connect } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, UserError } from '../base/index.ts';
import { c10d } from '../torch/index.ts';
import { C10dMesh, World } from './c10d-mesh.ts';
import type { Place } from './environment.ts';
import type { Mesh } from './mesh.ts';

const url = (host: string, port: number) => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The address of this machine on a network interface: the others are to reach it there. */
function addressOn(networkInterface: string): string {
  const all = networkInterfaces();
  const own = all[networkInterface];
  const chosen =
    own?.find(({ family }) => family === 'IPv4') ??
    own?.find(({ address }) => !address.startsWith('fe80:')) ??
    own?.[0];
  if (chosen) return chosen.scopeid ? `${chosen.address}%${networkInterface}` : chosen.address;
  throw new ConfigError(
    'bad-environment',
    `GLOO_SOCKET_IFNAME should name a network interface of ${hostname()} that has an address, it is "${networkInterface}"`,
    {
      remedy: `There are ${Object.keys(all).join(', ')}. Without the variable it is the one that leads to rank 0.`,
      fields: { variable: 'GLOO_SOCKET_IFNAME', received: networkInterface },
    },
  );
}

/** Waits until somebody listens there: libtorch's own store would write a warning for each try. */
async function waitForFirst({ host, port, timeoutSeconds }: Place): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const problem = await new Promise<string | undefined>((resolve) => {
      const socket = connect({ host, port, timeout: 2000 });
      const end = (result: string | undefined) => {
        socket.destroy();
        resolve(result);
      };
      socket.once('connect', () => end(undefined));
      socket.once('timeout', () => end('no answer'));
      socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    });
    if (problem === undefined) return;
    if (performance.now() > deadline)
      throw new UserError('no-first-rank', `rank 0 cannot be reached at ${url(host, port)} (${problem})`, {
        remedy: `Start rank 0 there within ${timeoutSeconds} s (TSUMUGI_MESH_TIMEOUT), and let MASTER_ADDR and MASTER_PORT name an address that every machine reaches.`,
        fields: { host, port },
      });
    await sleep(50);
  }
}

/** Why the processes did not meet. */
function notMet(why: string, { rank, world, host, port, timeoutSeconds }: Place, met: number): UserError {
  const fields = { rank, world, host, port };
  if (why === 'rank missing') {
    return new UserError('rank-missing', `rank ${met} of ${world} did not come within ${timeoutSeconds} s`, {
      remedy: 'Start as many processes as WORLD_SIZE says, each with a RANK of its own.',
      fields: { ...fields, missing: met },
    });
  }
  if (why === 'rank taken')
    return new UserError('rank-taken', `another process at ${url(host, port)} is rank ${rank} already`, {
      remedy: 'Give each process a RANK of its own, and each run a MASTER_PORT of its own.',
      fields,
    });
  const [what, otherWorld] = why.split('\n');
  if (what === 'world differs')
    return new UserError(
      'worlds-differ',
      `rank ${rank} has a WORLD_SIZE of ${world}, and rank ${met} one of ${otherWorld}`,
      {
        remedy: 'Give all processes of a run the same WORLD_SIZE.',
        fields: { ...fields, other: met, otherWorld: Number(otherWorld) },
      },
    );
  if (rank === 0 && /EADDRINUSE|address already in use|failed to (listen|bind)/i.test(why))
    return new UserError('port-taken', `port ${port}, at which the ranks are to meet, is taken on ${hostname()}`, {
      remedy: 'Choose another MASTER_PORT, the same for all ranks.',
      fields,
    });
  const problem = why === '' ? `nothing came of it within ${timeoutSeconds} s` : why.split('\n')[0];
  return new UserError('not-met', `rank ${rank} could not join the others at ${url(host, port)}: ${problem}`, {
    remedy:
      'Let MASTER_ADDR name an address of the machine of rank 0 that every machine reaches; GLOO_SOCKET_IFNAME chooses the network interface.',
    fields,
  });
}

/**
 * Meets the other processes of the world. Every process calls this once; it returns when all have come.
 *
 * @throws UserError when this libtorch has no c10d, when a rank does not come within the timeout, when rank or port are taken
 */
export async function openMesh(place: Place): Promise<Mesh> {
  const native = c10d();
  if (!native.meshBackends().includes('gloo'))
    throw new UserError(
      'no-c10d',
      'this libtorch was built without c10d and Gloo, which processes need to train together',
      {
        remedy: 'Use a libtorch with them: Debian’s libtorch-dev, or that of `pip install torch`.',
      },
    );
  const { rank, world, host, port, networkInterface, timeoutSeconds } = place;
  const address = networkInterface === undefined ? '' : addressOn(networkInterface);
  if (rank > 0) await waitForFirst(place);
  const job = native.meshOpen(rank, world, host, port, address, hostname(), timeoutSeconds);
  const began = performance.now();
  // A little longer than the addon waits for each rank, whose number it then knows.
  while (!native.meshDone(job) && performance.now() - began < (timeoutSeconds + 2) * 1000) await sleep(2);
  const why = native.meshWait(job, 0);
  const hellos = native.meshHellos();
  if (why !== undefined) throw notMet(why, place, hellos.length);
  const shared = new World(native, place);
  shared.peers = hellos.map((hello, each) => {
    const [name = '?', address] = hello.split('\n');
    return { rank: each, host: address && address !== name ? `${name} (${address})` : name };
  });
  return new C10dMesh(
    shared,
    0,
    shared.peers.map((peer) => peer.rank),
  );
}
