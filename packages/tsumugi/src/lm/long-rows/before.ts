// What a rank needs of the ranks before it, and can be differentiated: tokens in front of its part, and the state of a recurrence.
import { waitAll } from '../../mesh/index.ts';
import { customGradient, empty, type Tensor, zeros } from '../../torch/index.ts';
import { lengthOf, type RowParts, type Span } from './parts.ts';

/** Who sends what to whom: for every rank that has some of the `count` tokens in front of another. */
function exchanges(parts: RowParts, count: number) {
  const { mesh } = parts;
  const ranks = [...Array(mesh.world).keys()];
  const filled = (found: { rank: number; span: Span }[]) => found.filter(({ span }) => lengthOf(span) > 0);
  return {
    before: filled(ranks.slice(0, mesh.rank).map((rank) => ({ rank, span: parts.inReach(mesh.rank, rank, count) }))),
    after: filled(ranks.slice(mesh.rank + 1).map((rank) => ({ rank, span: parts.inReach(rank, mesh.rank, count) }))),
  };
}

/**
 * The last `count` tokens in front of this rank's part, of x [B, length, …]: [B, n, …], where n is less than `count` at the beginning of the
 * row. Every rank has to call this, and to go backward through what it gives, even where that is empty.
 */
export function tokensBefore(parts: RowParts, x: Tensor, count: number): Tensor {
  const { mesh } = parts;
  const { before, after } = exchanges(parts, count);
  const first = Math.max(0, parts.from - count);
  const [B, , ...rest] = x.shape as [number, ...number[]];
  const like = { dtype: x.dtype, device: x.device };
  const buffer = (span: Span) => empty([B, lengthOf(span), ...rest], like);
  const forward = () => {
    const received = before.map(({ rank, span }) => ({ rank, span, tokens: buffer(span) }));
    waitAll([
      ...after.map(({ rank, span }) =>
        mesh.send(x.narrow(1, span.from - parts.from, lengthOf(span)).contiguous(), rank),
      ),
      ...received.map(({ rank, tokens }) => mesh.receive(tokens, rank)),
    ]);
    const found = empty([B, parts.from - first, ...rest], like);
    for (const { span, tokens } of received) found.narrow(1, span.from - first, lengthOf(span)).copy_(tokens);
    return { outputs: [found] };
  };
  return customGradient([x], forward, ([gradient]) => {
    const received = after.map(({ rank, span }) => ({ rank, span, tokens: buffer(span) }));
    waitAll([
      ...before.map(({ rank, span }) =>
        mesh.send(gradient!.narrow(1, span.from - first, lengthOf(span)).contiguous(), rank),
      ),
      ...received.map(({ rank, tokens }) => mesh.receive(tokens, rank)),
    ]);
    const sum = zeros([B, parts.length, ...rest], like);
    for (const { span, tokens } of received) sum.narrow(1, span.from - parts.from, lengthOf(span)).add_(tokens);
    return [sum];
  })[0]!;
}

/**
 * The state of a linear recurrence in front of this rank's part. A part turns a state S into decay·S + state, so what comes in is
 * Σ over the ranks before of their states, each times the decays of the ranks between. Each rank tells all its decay and state in one
 * all-gather, and composes: handing the state on from rank to rank would be as many rounds as there are ranks, each waiting for the one
 * before, and the states are small beside the tokens. Backward is the same from the other end.
 *
 * @param decay [B, m], of the whole part
 * @param state [B, m, P, N], after the part, from zeros before it
 * @returns [B, m, P, N]; zeros on the first rank
 */
export function stateBefore({ mesh }: RowParts, decay: Tensor, state: Tensor): Tensor {
  const { rank, world } = mesh;
  const like = { dtype: state.dtype, device: state.device };
  const everyones = (own: Tensor) => {
    const all = empty([world, ...own.shape], like);
    mesh.allGather(all, own.contiguous()).wait();
    return all.unbind(0);
  };
  const times = (sum: Tensor, factor: Tensor) => sum.mul_(factor.unsqueeze(-1).unsqueeze(-1));
  const forward = () => {
    const decays = everyones(decay);
    const states = everyones(state);
    const sum = zeros(state.shape, like);
    for (let each = 0; each < rank; each++) times(sum, decays[each]!).add_(states[each]!);
    // Of all decays, whose shape is that of the whole of them.
    return { outputs: [sum], saved: [sum, ...decays] };
  };
  return customGradient([decay, state], forward, ([gradient], [before, ...decays]) => {
    const gradients = everyones(gradient!);
    const sum = zeros(state.shape, like);
    for (let each = world - 1; each > rank; each--) times(sum, decays[each]!).add_(gradients[each]!);
    return [sum.mul(before!).sum([-1, -2]), sum];
  })[0]!;
}
