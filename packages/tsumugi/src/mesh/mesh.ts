// What processes that train together can ask of each other. One process alone is a mesh, too: `world` is 1, and nothing is sent.
import type { Tensor } from '../torch/index.ts';

/** A collective that is under way. Its tensors must be left alone until it is done; they are kept alive. */
export interface Work {
  /**
   * Blocks until it is done.
   *
   * @throws UserError naming the rank that is gone or late, its host, and the collective; at the latest after the mesh's timeout
   */
  wait(): void;
  /** The same without blocking. */
  settled(): Promise<void>;
}

/** A group of processes. Every one of them has to call the same collectives in the same order, with tensors of the same shape. */
export interface Mesh extends Disposable {
  /** This process's number, from 0. */
  readonly rank: number;
  readonly world: number;
  /** The machine of each rank. */
  readonly hosts: readonly string[];
  /** How long this process has blocked in `wait` so far, in whichever mesh: what it took beyond that was work of its own. */
  readonly waitedSeconds: number;
  /** Adds up `tensor` over all ranks, in place. All get the same bits. */
  allReduce(tensor: Tensor, operation?: 'sum' | 'max'): Work;
  /** `tensor` of rank `root` for all, in place. */
  broadcast(tensor: Tensor, root?: number): Work;
  /** `output`, of `world` times the elements of `input`, becomes the inputs of all ranks one after the other. */
  allGather(output: Tensor, input: Tensor): Work;
  /** `output` becomes this rank's part of the sum of all inputs, which are cut into `world` equal parts. Over Gloo added up in the order of the ranks. */
  reduceScatter(output: Tensor, input: Tensor): Work;
  /** Sends `tensor` to a rank, which has to `receive` one of the same shape. Several to one rank arrive in order. */
  send(tensor: Tensor, to: number): Work;
  receive(tensor: Tensor, from: number): Work;
  /** Done once all have come to it. */
  barrier(): Work;
  /**
   * A mesh of some of these ranks, in this order. Those that are in it call this with the same name and ranks.
   */
  group(name: string, ranks: readonly number[]): Promise<Mesh>;
  /** Tells the others why this process ends, so that they do not wait for it. */
  giveUp(reason: string): void;
}

/** For messages: "rank 2 on node7". */
export const rankName = ({ hosts }: Pick<Mesh, 'hosts'>, rank: number): string => `rank ${rank} on ${hosts[rank]}`;

/** Waits for all of them. */
export function waitAll(works: readonly Work[]): void {
  for (const work of works) work.wait();
}
