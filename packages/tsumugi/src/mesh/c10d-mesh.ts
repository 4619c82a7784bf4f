// The mesh of processes over c10d: Gloo, and NCCL for tensors on CUDA. Collectives are jobs of the addon, which run beside JavaScript.
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UserError } from '../base/index.ts';
import { type C10d, describeNative, type Tensor } from '../torch/index.ts';
import type { Place } from './environment.ts';
import { collectiveFailed, collectiveLate, type Peer, rankLost } from './lost.ts';
import type { Mesh, Work } from './mesh.ts';
import { requireNccl } from './require-nccl.ts';

/** As c10d names them, for people who search for it. */
const titles = {
  sum: 'an all-reduce',
  max: 'an all-reduce',
  broadcast: 'a broadcast',
  allGather: 'an all-gather',
  reduceScatter: 'a reduce-scatter',
  send: 'a send',
  receive: 'a receive',
  barrier: 'a barrier',
} as const;

/** What all groups of a process share. */
export class World {
  readonly native: C10d;
  readonly place: Place;
  readonly backends: ReadonlySet<string>;
  peers: readonly Peer[] = [];
  waitedSeconds = 0;
  /** How many groups of a name and these ranks were made: where an earlier one met is no place for the next. */
  readonly #made = new Map<string, number>();

  constructor(native: C10d, place: Place) {
    this.native = native;
    this.place = place;
    this.backends = new Set(native.meshBackends());
  }

  /** A name that no other group has. The ranks of a group all make it, so that they come to the same one. */
  nameOf(name: string, ranks: readonly number[]): string {
    const whole = `${name}/${ranks.join()}`;
    const count = this.#made.get(whole) ?? 0;
    this.#made.set(whole, count + 1);
    return `${whole}/${count}`;
  }

  /** Why a job failed, in a sentence. */
  error(why: string, during: string): UserError {
    const { rank, timeoutSeconds } = this.place;
    const own = this.peers[rank] ?? { rank, host: hostname() };
    const [number = '', ...said] = this.native.meshFailure().split('\n');
    if (number !== '')
      return rankLost(own, this.peers[Number(number)] ?? { rank: Number(number), host: '?' }, during, said.join(' '));
    return why === '' || /timed? ?out/i.test(why)
      ? collectiveLate(own, during, timeoutSeconds)
      : collectiveFailed(own, during, why.split('\n')[0]!);
  }
}

class Job implements Work {
  readonly #world: World;
  readonly #number: number;
  readonly #during: string;
  #isOver = false;

  constructor(world: World, number: number, during: string) {
    this.#world = world;
    this.#number = number;
    this.#during = during;
  }

  wait(): void {
    this.#wait(this.#world.place.timeoutSeconds);
  }

  #wait(seconds: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const began = performance.now();
    const why = this.#world.native.meshWait(this.#number, seconds);
    this.#world.waitedSeconds += (performance.now() - began) / 1000;
    if (why !== undefined) throw this.#world.error(why, this.#during);
  }

  async settled(): Promise<void> {
    const began = performance.now();
    const limit = this.#world.place.timeoutSeconds * 1000;
    // Soon at first: most take less than a millisecond.
    while (!this.#isOver && !this.#world.native.meshDone(this.#number) && performance.now() - began < limit)
      await (performance.now() - began < 2 ? new Promise(setImmediate) : sleep(1));
    this.#wait(0);
  }
}

export class C10dMesh implements Mesh {
  readonly rank: number;
  readonly hosts: readonly string[];
  readonly #world: World;
  readonly #group: number;
  /** Ranks of the world. */
  readonly #ranks: readonly number[];

  constructor(world: World, group: number, ranks: readonly number[]) {
    this.#world = world;
    this.#group = group;
    this.#ranks = ranks;
    this.rank = ranks.indexOf(world.place.rank);
    this.hosts = ranks.map((rank) => world.peers[rank]!.host);
  }

  get world(): number {
    return this.#ranks.length;
  }

  get waitedSeconds(): number {
    return this.#world.waitedSeconds;
  }

  #begin(collective: keyof typeof titles, tensors: readonly Tensor[], number = 0): Work {
    const { native, backends } = this.#world;
    // What one rank sends another goes by way of the CPU's memory.
    if (!backends.has('nccl') && collective !== 'send' && collective !== 'receive')
      for (const { device } of tensors) requireNccl(device, titles[collective], describeNative);
    const handles = tensors.map(({ handle }) => handle);
    return new Job(this.#world, native.meshBegin(this.#group, collective, handles, number), titles[collective]);
  }

  allReduce(tensor: Tensor, operation: 'sum' | 'max' = 'sum'): Work {
    return this.#begin(operation, [tensor]);
  }

  broadcast(tensor: Tensor, root = 0): Work {
    return this.#begin('broadcast', [tensor], root);
  }

  allGather(output: Tensor, input: Tensor): Work {
    return this.#begin('allGather', [output, input]);
  }

  reduceScatter(output: Tensor, input: Tensor): Work {
    return this.#begin('reduceScatter', [output, input]);
  }

  send(tensor: Tensor, to: number): Work {
    return this.#begin('send', [tensor], to);
  }

  receive(tensor: Tensor, from: number): Work {
    return this.#begin('receive', [tensor], from);
  }

  barrier(): Work {
    return this.#begin('barrier', []);
  }

  async group(name: string, ranks: readonly number[]): Promise<Mesh> {
    const inWorld = ranks.map((rank) => this.#ranks[rank]!);
    const [job, group] = this.#world.native.meshGroup(this.#world.nameOf(name, inWorld), inWorld);
    await new Job(this.#world, job, `meeting as "${name}"`).settled();
    return new C10dMesh(this.#world, group, inWorld);
  }

  giveUp(reason: string): void {
    this.#world.native.meshGiveUp(reason);
  }

  /** Leaves the others. Of a mesh that is a part of another, nothing happens: it ends with the whole one. */
  [Symbol.dispose](): void {
    if (this.#group === 0) this.#world.native.meshClose();
  }
}
