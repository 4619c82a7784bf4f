// For tests of what one rank does, without processes: a mesh in which the other ranks are told what to say. Nothing has happened to a tensor
// before its collective is waited for.
import { cat, full, noGrad, scope, type Tensor } from '../torch/index.ts';
import type { Mesh, Work } from './mesh.ts';
import { solo } from './solo.ts';

/** What the others give; the same as this rank, unless told. */
export interface Others {
  /** To a sum, or the largest, of these elements: what all of them together come to. */
  reduced?: (own: Tensor, operation: 'sum' | 'max') => Tensor | undefined;
  /** To an all-gather: what rank `rank` has where this one has `own`. */
  gathered?: (own: Tensor, rank: number) => Tensor;
  /** The bytes of JSON of rank `rank`. */
  json?: (rank: number) => unknown;
}

export interface ToldMesh extends Mesh {
  /** Collectives as they begin, each with its elements. */
  readonly begun: string[];
  /** How often ranks have told each other something besides. */
  readonly talks: number;
}

/** Elements of a tensor that is not one of numbers that ranks tell each other. */
const isSmallTalk = ({ dtype }: Tensor) => dtype === 'uint8' || dtype === 'float64';

export function toldMesh(rank: number, world: number, { reduced, gathered, json }: Others = {}): ToldMesh {
  const begun: string[] = [];
  let talks = 0;
  const work = (name: string, tensor: Tensor, effect: () => void): Work => {
    if (isSmallTalk(tensor)) talks++;
    else begun.push(`${name} ${tensor.numel()}`);
    let isDone = false;
    const wait = () => {
      if (!isDone) noGrad(() => scope(effect));
      isDone = true;
    };
    return { wait, settled: async () => wait() };
  };
  const texts = json && Array.from({ length: world }, (_, each) => Buffer.from(JSON.stringify(json(each) ?? null)));
  const said = (own: Tensor, each: number): Tensor => {
    if (own.dtype !== 'uint8' || !texts || each === rank)
      return gathered && own.dtype !== 'uint8' ? gathered(own, each) : own;
    const bytes = Buffer.concat([texts[each]!, Buffer.alloc(own.numel(), ' ')]).subarray(0, own.numel());
    return cat(Array.from(bytes, (byte) => full([1], byte, { dtype: 'uint8' })));
  };
  return {
    ...solo,
    rank,
    world,
    hosts: Array.from({ length: world }, (_, each) => `host${each}`),
    begun,
    get talks() {
      return talks;
    },
    allReduce: (tensor, operation = 'sum') =>
      work('allReduce', tensor, () => {
        const others = reduced?.(tensor, operation);
        // Lengths of JSON: none is longer than any that is told.
        if (operation === 'max' && texts && tensor.numel() === 1)
          tensor.fill_(Math.max(tensor.item(), ...texts.map(({ length }) => length)));
        else if (others) tensor.copy_(others);
        else if (operation === 'sum') tensor.mul_(world);
      }),
    broadcast: (tensor, root = 0) => work(`broadcast of ${root}`, tensor, () => void tensor.fill_(root)),
    allGather: (output, input) =>
      work('allGather', output, () => {
        const parts = Array.from({ length: world }, (_, each) => (each === rank ? input : said(input, each)));
        output.view([-1]).copy_(cat(parts.map((part) => part.reshape([-1]))));
      }),
    reduceScatter: (output, input) =>
      work('reduceScatter', input, () => {
        output.copy_(input.narrow(0, rank * output.numel(), output.numel()).mul(world));
      }),
    barrier: () => {
      talks++;
      return solo.barrier();
    },
    group: async (_, ranks) => toldMesh(ranks.indexOf(rank), ranks.length),
  };
}
