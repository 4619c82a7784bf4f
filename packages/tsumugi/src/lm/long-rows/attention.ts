// Attention of a row that lies over ranks: blocks of keys and values travel from rank to rank, each rank multiplying the block at hand
// while the next one comes (ring attention, Liu et al. 2023, arXiv 2310.01889). Results of blocks are put together by their
// log-sum-exps. Attention is causal, so nothing goes from the last rank to the first, and later ranks have more to do; over a window a
// block travels only as far, and with as many of its tokens, as somebody sees it.
//
//   B batch   n queries of this part   S keys of a block   H query heads   K key/value heads   d head size   W window
import { type Work, waitAll } from '../../mesh/index.ts';
import { customGradient, customOperator, empty, scope, stack, type Tensor } from '../../torch/index.ts';
import { attentionBlock, attentionBlockGradients, type BlockReach, type BlockResult } from '../ops/attention-block.ts';
import { lengthOf, type RowParts, type Span } from './parts.ts';

const logAddExp = customOperator('aten::logaddexp');

/** Keys and values [2, B, S, K, d] of the tokens of a span. */
interface Block extends Span {
  readonly both: Tensor;
}

const keysAndValues = ({ both }: Block) => both.unbind(0) as [Tensor, Tensor];

/** The tokens of `wanted` of a block's keys and values, or of their gradients. */
const cut = ({ from, both }: Block, wanted: Span): Tensor =>
  both.narrow(2, wanted.from - from, lengthOf(wanted)).contiguous();

/**
 * Sends this rank's block off and calls `visit` once for every step of the way: with the block of the rank `step` before this one, or
 * nothing where none is in reach. The next block comes meanwhile.
 */
function around(
  parts: RowParts,
  own: Block,
  window: number | null,
  visit: (step: number, block?: Block) => void,
): void {
  const { mesh } = parts;
  let block: Block | undefined = own;
  for (let step = 0; step < mesh.world; step++) {
    const owner = mesh.rank - step;
    const works: Work[] = [];
    const onward = parts.inReach(mesh.rank + 1, owner, window);
    if (block && lengthOf(onward) > 0) works.push(mesh.send(cut(block, onward), mesh.rank + 1));
    const coming = parts.inReach(mesh.rank, owner - 1, window);
    let next: Block | undefined;
    if (lengthOf(coming) > 0) {
      const [, B, , K, d] = own.both.shape as [number, number, number, number, number];
      const { dtype, device } = own.both;
      next = { ...coming, both: empty([2, B, lengthOf(coming), K, d], { dtype, device }) };
      works.push(mesh.receive(next.both, mesh.rank - 1));
    }
    visit(step, block);
    waitAll(works);
    if (step > 0) block?.both.dispose();
    block = next;
  }
}

/** The queries of this part that see something of a block: the first `count`, and what of it. */
function reachOf(parts: RowParts, block: Block, window: number | null, q: Tensor): BlockReach & { count: number } {
  const scale = 1 / Math.sqrt(q.size(3));
  const offset = parts.from - block.from;
  const keys = lengthOf(block);
  const count = window === null ? parts.length : Math.min(parts.length, keys + window - offset);
  if (window === null && !parts.hasDocuments) return { offset, scale, count };
  const first = (b: number, t: number) => {
    const token = parts.from + t;
    return Math.max(parts.start(b, token), window === null ? 0 : token - window);
  };
  const low = parts.numbers(count, (b, t) => Math.min(keys, Math.max(0, first(b, t) - block.from)), q.device);
  return { offset, scale, count, low };
}

/** Puts what a block gave into what others gave, in place, for the first queries. */
function join(sum: BlockResult, { out, logsumexp }: BlockResult): void {
  const [out0, sum0] = [sum.out.narrow(1, 0, out.size(1)), sum.logsumexp.narrow(2, 0, out.size(1))];
  const both = logAddExp(sum0, logsumexp);
  const weight = (x: Tensor) => x.sub(both).exp().transpose(1, 2).unsqueeze(-1).to(out.dtype); // [B, n, H, 1]
  out0.mul_(weight(sum0)).add_(out.mul(weight(logsumexp)));
  sum0.copy_(both);
}

function forward(parts: RowParts, q: Tensor, own: Block, window: number | null): BlockResult {
  let sum: BlockResult | undefined;
  around(parts, own, window, (_, block) => {
    if (!block) return;
    const found = scope(() => {
      const { count, ...reach } = reachOf(parts, block, window, q);
      const result = attentionBlock(q.narrow(1, 0, count), ...keysAndValues(block), reach);
      if (!sum) return result; // this part's own block: each query sees itself
      join(sum, result);
      return undefined;
    });
    sum ??= found;
  });
  return sum!;
}

function gradients(
  parts: RowParts,
  gradient: Tensor,
  q: Tensor,
  own: Block,
  result: BlockResult,
  window: number | null,
): [q: Tensor, k: Tensor, v: Tensor] {
  const { mesh } = parts;
  const works: Work[] = [];
  let [dQ, dOwn]: [Tensor?, Tensor?] = [];
  /** From a rank whose gradients of our keys and values are under way. */
  let pending: { span: Span; both: Tensor; work: Work } | undefined;
  const take = () => {
    if (!pending) return;
    const { span, both, work } = pending;
    pending = undefined;
    work.wait();
    scope(() => dOwn!.narrow(2, span.from - parts.from, lengthOf(span)).add_(both));
    both.dispose();
  };
  around(parts, own, window, (step, block) => {
    const span = parts.inReach(mesh.rank + step, mesh.rank, window);
    let coming: typeof pending;
    if (step > 0 && lengthOf(span) > 0) {
      const [, B, , K, d] = own.both.shape as [number, number, number, number, number];
      const { dtype, device } = own.both;
      const both = empty([2, B, lengthOf(span), K, d], { dtype, device });
      coming = { span, both, work: mesh.receive(both, mesh.rank + step) };
    }
    const found = block && ofBlock(parts, gradient, q, block, result, window);
    if (found && step === 0) [dQ, dOwn] = found;
    if (found && step > 0) {
      const [ofQueries, ofBlockKeys] = found;
      scope(() => dQ!.narrow(1, 0, ofQueries.size(1)).add_(ofQueries));
      works.push(mesh.send(ofBlockKeys, mesh.rank - step));
      ofQueries.dispose();
      ofBlockKeys.dispose();
    }
    take();
    pending = coming;
  });
  take();
  waitAll(works);
  return [dQ!, ...(dOwn!.unbind(0) as [Tensor, Tensor])];
}

/** What a block adds to the gradients of the queries that see it, and those of its keys and values [2, B, S, K, d]. */
function ofBlock(
  parts: RowParts,
  gradient: Tensor,
  q: Tensor,
  block: Block,
  { out, logsumexp }: BlockResult,
  window: number | null,
): [q: Tensor, both: Tensor] {
  return scope(() => {
    const { count, ...reach } = reachOf(parts, block, window, q);
    const [g, queries, y] = [gradient, q, out].map((x) => x.narrow(1, 0, count)) as [Tensor, Tensor, Tensor];
    const whole = { out: y, logsumexp: logsumexp.narrow(2, 0, count) };
    const [ofQueries, ofKeys, ofValues] = attentionBlockGradients(g, queries, ...keysAndValues(block), whole, reach);
    return [ofQueries, stack([ofKeys, ofValues])];
  });
}

/**
 * softmax(q·kᵀ/√d)·v over the row of which q [B, n, H, d], k and v [B, n, K, d] are this rank's part. Exact: every rank gets what one
 * process would. Every rank has to call this, and to go backward through it.
 *
 * Backward sends the blocks around once more, and each rank sends what it adds to a block's gradients to the block's owner.
 */
export function attentionOverRanks(parts: RowParts, q: Tensor, k: Tensor, v: Tensor, window: number | null): Tensor {
  const { from, to } = parts;
  const own = (keys: Tensor, values: Tensor): Block => ({ from, to, both: stack([keys, values]) });
  const run = () => {
    const { out, logsumexp } = forward(parts, q, own(k, v), window);
    return { outputs: [out], saved: [q, k, v, out, logsumexp] };
  };
  return customGradient([q, k, v], run, ([gradient], saved) => {
    const [queries, keys, values, out, logsumexp] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
    return gradients(parts, gradient!, queries, own(keys, values), { out, logsumexp }, window);
  })[0]!;
}
