// The plain twins of the scan, on any device: the recurrence token by token (the definition), and the chunked form in
// operators of libtorch, whose work is linear in the number of tokens. Both in f32 at least.
//
//   B batch   T tokens   m heads   P head size   N state size   L tokens of a chunk   c chunks
import { cat, ones, scope, stack, type Tensor, zeros } from '../../torch/index.ts';
import { documentStarts } from './documents.ts';
import type { SsdScanOptions, SsdScanResult } from './ssd-scan.ts';

const widen = (tensor: Tensor): Tensor => (tensor.dtype === 'float64' ? tensor : tensor.float());

function result(y: Tensor, state: Tensor, options: SsdScanOptions): SsdScanResult {
  return options.returnState ? { y, state } : { y };
}

/** The recurrence token by token: the definition, for tests. Arguments and result as for `ssdScan`. */
export function ssdScanSequential(
  x: Tensor,
  dt: Tensor,
  A: Tensor,
  B: Tensor,
  C: Tensor,
  D: Tensor,
  options: SsdScanOptions = {},
): SsdScanResult {
  return scope(() => {
    const [xBTmP, dtBTm, a, bBTN, cBTN, d] = [x, dt, A, B, C, D].map(widen) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const [batch, T, m, P] = x.shape as [number, number, number, number];
    const starts = options.documents && documentStarts(options.documents);
    const like = { dtype: xBTmP.dtype, device: x.device };
    let S = options.initialState ? widen(options.initialState) : zeros([batch, m, P, B.size(-1)], like); // [B, m, P, N]
    const outputs: Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const step = dtBTm.select(1, t); // [B, m]
      const xt = xBTmP.select(1, t); // [B, m, P]
      const decay = step.mul(a).exp();
      if (starts) S = S.maskedFill(starts.select(1, t).reshape([batch, 1, 1, 1]), 0);
      const inflow = xt.mul(step.unsqueeze(2)).unsqueeze(3).mul(bBTN.select(1, t).unsqueeze(1).unsqueeze(1));
      S = S.mul(decay.unsqueeze(2).unsqueeze(3)).add(inflow);
      const read = S.mul(cBTN.select(1, t).unsqueeze(1).unsqueeze(1)).sum([-1]); // [B, m, P]
      outputs.push(read.add(xt.mul(d.unsqueeze(1))));
    }
    const y = outputs.length > 0 ? stack(outputs, 1) : xBTmP.mul(0);
    return result(y.to(x.dtype), S, options);
  });
}

/** exp(a[j+1] + … + a[i]) for j ≤ i in one document, else 0. a [B, c, m, L]; document [B, c, L] → [B, c, m, L, L]. */
function decays(a: Tensor, document: Tensor): Tensor {
  const L = a.size(-1);
  const lower = ones([L, L], { device: a.device }).tril(-1).to('bool');
  // Sums over segments, not differences of running sums: those would lose small decays next to large ones.
  const sums = a
    .unsqueeze(-1)
    .expand([...a.shape, L])
    .maskedFill(lower.logicalNot(), 0)
    .cumsum(-2);
  const visible = document
    .unsqueeze(3)
    .eq(document.unsqueeze(2))
    .logicalAnd(ones([L, L], { device: a.device }).tril().to('bool'));
  return sums.maskedFill(visible.logicalNot().unsqueeze(2), Number.NEGATIVE_INFINITY).exp();
}

/** The chunked form. Arguments and result as for `ssdScan`. */
export function ssdScanChunked(
  x: Tensor,
  dt: Tensor,
  A: Tensor,
  B: Tensor,
  C: Tensor,
  D: Tensor,
  options: SsdScanOptions = {},
): SsdScanResult {
  return scope(() => {
    const [batch, T, m, P] = x.shape as [number, number, number, number];
    const N = B.size(-1);
    const L = Math.min(options.chunk ?? 256, Math.max(1, T));
    const c = Math.ceil(T / L);
    const wide = widen(x);
    const like = { dtype: wide.dtype, device: x.device };
    const cast = (tensor: Tensor) => tensor.to(wide.dtype); // products do not mix types, as sums do
    const initial = options.initialState ? cast(options.initialState) : zeros([batch, m, P, N], like);
    if (T === 0) return result(x.mul(0), initial, options);

    // Cut into chunks; what fills up the last one has dt = 0, which leaves the state as it is.
    const chunked = (tensor: Tensor): Tensor => {
      const rest = tensor.shape.slice(2);
      const filled = tensor.pad([...rest.flatMap(() => [0, 0]), 0, c * L - T]);
      return filled.reshape([batch, c, L, ...rest]);
    };
    const step = cast(dt);
    const X = chunked(wide.mul(step.unsqueeze(3))).permute([0, 1, 3, 2, 4]); // [B, c, m, L, P]
    const a = chunked(step.mul(cast(A))).permute([0, 1, 3, 2]); // [B, c, m, L]
    const b = chunked(cast(B)).unsqueeze(2); // [B, c, 1, L, N]
    const cc = chunked(cast(C)).unsqueeze(2);
    const starts = options.documents
      ? chunked(documentStarts(options.documents).float())
      : zeros([batch, c, L], { device: x.device });
    const document = starts.cumsum(2); // [B, c, L], counted inside the chunk; 0 began before it

    const E = decays(a, document); // [B, c, m, L, L]
    const inside = cc.matmul(b.transpose(3, 4)).mul(E).matmul(X); // [B, c, m, L, P]
    const onward = E.select(3, L - 1); // [B, c, m, L]
    const into = a.cumsum(3).exp().maskedFill(document.ne(0).unsqueeze(2), 0); // [B, c, m, L]
    const inflow = X.mul(onward.unsqueeze(4)).transpose(3, 4).matmul(b); // [B, c, m, P, N]

    // States after each chunk in one product, the initial one as the inflow of a chunk before the first: what flowed into chunk
    // j is there after chunk i, decayed over the chunks between, unless a document starts in one of them.
    const ahead = (tensor: Tensor) => tensor.pad([1, 0]);
    const total = ahead(a.sum([-1]).transpose(1, 2)).unsqueeze(1); // [B, 1, m, c + 1]
    const starting = ahead(
      document
        .select(2, L - 1)
        .ne(0)
        .to('int64')
        .cumsum(1),
    ).unsqueeze(1); // [B, 1, c + 1]
    const inflows = cat([initial.unsqueeze(1), inflow], 1)
      .transpose(1, 2)
      .reshape([batch, m, c + 1, P * N]);
    const states = decays(total, starting)
      .squeeze(1) // [B, m, c + 1, c + 1]
      .matmul(inflows)
      .reshape([batch, m, c + 1, P, N]);
    const before = states.narrow(2, 0, c).transpose(1, 2); // [B, c, m, P, N]
    const S = states.select(2, c);
    const carried = cc.matmul(before.transpose(3, 4)).mul(into.unsqueeze(4)); // [B, c, m, L, P]
    const y = inside
      .add(carried)
      .permute([0, 1, 3, 2, 4])
      .reshape([batch, c * L, m, P])
      .narrow(1, 0, T)
      .add(wide.mul(cast(D).unsqueeze(1)));
    return result(y.to(x.dtype), S, options);
  });
}
