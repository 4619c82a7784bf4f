// For tests of several machines: hosts on one machine, each a network namespace with an address of its own, at one switch. Nothing has
// a name outside: each namespace lives as long as a process that waits for this one's end, so that nothing stays, however a test
// ends, and several tests do not meet, although all use the same addresses.
import { type ChildProcessByStdio, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** How a host is connected. */
export interface Link {
  /** What passes in each direction, as tc writes it: "100mbit", "1gbit". */
  rate?: string;
  /** What a host sends arrives later. An answer to an answer takes twice as long. */
  delayMs?: number;
  /** Of what a host sends, so much does not arrive. */
  lossPercent?: number;
}

const tools = ['ip', 'tc', 'unshare', 'nsenter', 'setpriv'];

function missing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces (Linux)';
  if (process.getuid?.() !== 0) return 'root, for network namespaces';
  const lacking = tools.filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
  if (lacking.length > 0) return `${lacking.join(', ')}, for network namespaces`;
  const tried = spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'x', 'type', 'bridge'], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `network namespaces with a bridge (${tried.stderr.trim()})`;
}

/** What this machine lacks for hosts; undefined when they can be made. */
export const hostsLack = missing();

/** The same for hosts whose links delay or lose packets. */
export const wiresLack =
  hostsLack ??
  (!existsSync('/dev/net/tun') || spawnSync('python3', ['--version']).status !== 0
    ? 'python3 and /dev/net/tun, for links with delay and loss'
    : undefined);

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** A process that has said "ready", and ends when its standard input closes. */
async function holder(program: string, ...args: string[]): Promise<Holder> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ${args.join(' ')} ended with ${code}`)));
    child.stdout.once('data', () => resolve());
  });
  child.removeAllListeners('exit');
  return child;
}

/** A new network namespace. */
const namespace = (): Promise<Holder> => holder('unshare', '-n', 'sh', '-c', 'echo ready; exec cat > /dev/null');

export class Hosts implements Disposable {
  readonly count: number;
  readonly #switch: Holder;
  readonly #hosts: Holder[];
  readonly #wires: Holder | undefined;
  readonly #started = new Set<ReturnType<typeof spawn>>();

  private constructor(switching: Holder, hosts: Holder[], wires: Holder | undefined) {
    this.#switch = switching;
    this.#hosts = hosts;
    this.#wires = wires;
    this.count = hosts.length;
  }

  /** Makes `count` hosts, each with such a link to the switch. */
  static async make(count: number, { rate, delayMs = 0, lossPercent = 0 }: Link = {}): Promise<Hosts> {
    const [switching, ...hosts] = await Promise.all(Array.from({ length: count + 1 }, namespace));
    const wired = delayMs > 0 || lossPercent > 0;
    const wire = fileURLToPath(new URL('wire.testing.py', import.meta.url));
    const wireArgs = ['python3', wire, String(count), String(delayMs / 1000), String(lossPercent / 100)];
    const wires = wired ? await holder('nsenter', '-t', String(switching!.pid), '-n', ...wireArgs) : undefined;
    const made = new Hosts(switching!, hosts, wires);
    try {
      made.#connect();
      if (rate !== undefined) for (let host = 0; host < count; host++) made.limit(host, rate);
    } catch (error) {
      made[Symbol.dispose]();
      throw error;
    }
    return made;
  }

  address(host: number): string {
    return `10.0.0.${host + 1}`;
  }

  #connect(): void {
    this.#configure('switch', 'ip', 'link add switch type bridge');
    this.#configure('switch', 'ip', 'link set switch up');
    for (const [i, { pid }] of this.#hosts.entries()) {
      if (this.#wires === undefined) this.#configure('switch', 'ip', `link add port${i} type veth peer name end${i}`);
      else
        for (const device of [`port${i}`, `end${i}`])
          this.#configure('switch', 'ip', `link set ${device} txqueuelen 10000`);
      this.#configure('switch', 'ip', `link set end${i} netns ${pid} name eth0`);
      this.#configure('switch', 'ip', `link set port${i} master switch up`);
      this.#configure(i, 'ip', `address add ${this.address(i)}/24 dev eth0`);
      for (const device of ['lo', 'eth0']) this.#configure(i, 'ip', `link set ${device} up`);
    }
  }

  /** What to write before a command to run it there. */
  #inside(where: number | 'switch'): string[] {
    const { pid } = where === 'switch' ? this.#switch : this.#hosts[where]!;
    return ['nsenter', '-t', String(pid), '-n'];
  }

  /** What the host gets to know of the network besides, e.g. "address add fd00::1/64 dev eth0". */
  ip(host: number, words: string): void {
    this.#configure(host, 'ip', words);
  }

  /** A cable between hosts 0 and 1, beside the switch: on each of them the interface "eth1", with the address 10.0.1.1 and 10.0.1.2. */
  connectDirectly(): void {
    this.#configure('switch', 'ip', 'link add cable0 type veth peer name cable1');
    for (const host of [0, 1]) {
      this.#configure('switch', 'ip', `link set cable${host} netns ${this.#hosts[host]!.pid} name eth1`);
      this.ip(host, `address add 10.0.1.${host + 1}/24 dev eth1`);
      this.ip(host, 'link set eth1 up');
    }
  }

  /** Bytes that have come to a host over an interface. */
  received(host: number, device: string): number {
    const line = readFileSync(`/proc/${this.#hosts[host]!.pid}/net/dev`, 'utf8').split(`${device}:`)[1]!;
    return Number(line.trim().split(/\s+/)[0]);
  }

  #configure(where: number | 'switch', program: 'ip' | 'tc', words: string): void {
    const [nsenter, ...args] = [...this.#inside(where), program, ...words.split(' ')];
    const { status, stderr } = spawnSync(nsenter!, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${words}: ${stderr.trim()}`);
  }

  /** Starts a program on a host. It ends with this process, however that ends. */
  spawn<Options extends SpawnOptions>(host: number, program: string, args: readonly string[], options: Options) {
    const words = [...this.#inside(host), program, ...args];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...words], options);
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    return child;
  }

  /** What passes to and from the host from now on, as tc writes it: "100mbit". */
  limit(host: number, rate: string): void {
    // A packet of 64 KiB, which the system cuts up late, has to fit into the burst.
    const shape = `root tbf rate ${rate} burst 128kb latency 100ms`;
    this.#configure(host, 'tc', `qdisc replace dev eth0 ${shape}`);
    this.#configure('switch', 'tc', `qdisc replace dev port${host} ${shape}`);
  }

  /** Pulls the plug at the switch: nothing reaches the host or leaves it, and nobody is told. */
  cut(host: number): void {
    this.#configure('switch', 'ip', `link set port${host} nomaster`);
  }

  /** Puts it in again. */
  mend(host: number): void {
    this.#configure('switch', 'ip', `link set port${host} master switch`);
  }

  /** Ends what runs on the hosts, and them. */
  [Symbol.dispose](): void {
    for (const child of this.#started) child.kill('SIGKILL');
    for (const each of [this.#wires, ...this.#hosts, this.#switch]) each?.kill('SIGKILL');
  }
}
