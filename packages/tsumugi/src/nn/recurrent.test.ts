// GRU and LSTM against the gate equations written out, one and two layers, both layouts.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../base/index.ts';
import { grad, Rng, randn, scope, stack, type Tensor } from '../torch/index.ts';
import { convert, namedParameters, parameters } from './module.ts';
import { expectClose, gradcheckModule, leaf } from './nn.testing.ts';
import { GRU, LSTM } from './recurrent.ts';

const rng = new Rng(5);
const [B, T, I, H] = [2, 4, 3, 5];

/** x W_ihᵀ + b_ih and h W_hhᵀ + b_hh of a layer, split into gates. */
function gates(net: GRU | LSTM, layer: number, x: Tensor, h: Tensor, count: number): [Tensor[], Tensor[]] {
  const of = (kind: 'ih' | 'hh', input: Tensor) => {
    const product = input.matmul(net[`weight_${kind}_l${layer}`]!.t());
    return (net.bias ? product.add(net[`bias_${kind}_l${layer}`]!) : product).chunk(count, 1);
  };
  return [of('ih', x), of('hh', h)];
}

function gruByHand(net: GRU, x: Tensor, initial: Tensor): { output: Tensor; state: Tensor } {
  let steps = x.unbind(1);
  const last = initial.unbind(0).map((first, layer) => {
    let h = first;
    steps = steps.map((input) => {
      const [[ir, iz, inn], [hr, hz, hn]] = gates(net, layer, input, h, 3) as unknown as [Tensor[], Tensor[]];
      const r = ir!.add(hr!).sigmoid();
      const z = iz!.add(hz!).sigmoid();
      const n = inn!.add(r.mul(hn!)).tanh();
      h = n.add(z.mul(h.sub(n)));
      return h;
    });
    return h;
  });
  return { output: stack(steps, 1), state: stack(last) };
}

function lstmByHand(net: LSTM, x: Tensor, h0: Tensor, c0: Tensor): { output: Tensor; h: Tensor; c: Tensor } {
  let steps = x.unbind(1);
  const cells = c0.unbind(0);
  const last = h0.unbind(0).map((first, layer) => {
    let h = first;
    steps = steps.map((input) => {
      const [fromInput, fromState] = gates(net, layer, input, h, 4);
      const [i, f, g, o] = fromInput.map((gate, k) => gate.add(fromState[k]!)) as [Tensor, Tensor, Tensor, Tensor];
      cells[layer] = f.sigmoid().mul(cells[layer]!).add(i.sigmoid().mul(g.tanh()));
      h = o.sigmoid().mul(cells[layer]!.tanh());
      return h;
    });
    return h;
  });
  return { output: stack(steps, 1), h: stack(last), c: stack(cells) };
}

describe('GRU', () => {
  it('follows its equations over two layers', () => {
    scope(() => {
      using net = convert(new GRU(I, H, { rng, numLayers: 2 }), 'float64');
      expect(namedParameters(net).map(([path]) => path)).toEqual([
        'weight_ih_l0',
        'weight_hh_l0',
        'bias_ih_l0',
        'bias_hh_l0',
        'weight_ih_l1',
        'weight_hh_l1',
        'bias_ih_l1',
        'bias_hh_l1',
      ]);
      const x = randn([B, T, I], rng, { dtype: 'float64' });
      const state = randn([2, B, H], rng, { dtype: 'float64' });
      const ours = net.forward(x, state);
      const hand = gruByHand(net, x, state);
      expectClose(ours.output, hand.output, 1e-12);
      expectClose(ours.state, hand.state, 1e-12);
    });
  });

  it('takes time first, and continues from its state as in one piece', () => {
    scope(() => {
      using net = new GRU(I, H, { rng, batchFirst: false });
      const x = randn([T, B, I], rng);
      const whole = net.forward(x);
      const first = net.forward(x.narrow(0, 0, 3));
      const second = net.forward(x.narrow(0, 3, 1), first.state);
      expect(whole.output.shape).toEqual([T, B, H]);
      expectClose(second.output.select(0, 0), whole.output.select(0, 3), 1e-6);
      expectClose(second.state, whole.state, 1e-6);
    });
  });

  it('has right gradients', () => {
    scope(() => {
      using net = new GRU(2, 3, { rng });
      const inputs = [leaf([2, 3, 2], rng), leaf([1, 2, 3], rng)];
      gradcheckModule(net, (m, x, state) => Object.values(m.forward(x!, state)), inputs);
    });
  });
});

describe('LSTM', () => {
  it('follows its equations over two layers, with and without bias', () => {
    scope(() => {
      for (const bias of [true, false]) {
        using net = convert(new LSTM(I, H, { rng, numLayers: 2, bias }), 'float64');
        expect(namedParameters(net)).toHaveLength(bias ? 8 : 4);
        const x = randn([B, T, I], rng, { dtype: 'float64' });
        const [h, c] = [0, 1].map(() => randn([2, B, H], rng, { dtype: 'float64' })) as [Tensor, Tensor];
        const ours = net.forward(x, { h, c });
        const hand = lstmByHand(net, x, h, c);
        expectClose(ours.output, hand.output, 1e-12);
        expectClose(ours.state.h, hand.h, 1e-12);
        expectClose(ours.state.c, hand.c, 1e-12);
      }
    });
  });

  it('starts from zeros, and has right gradients', () => {
    scope(() => {
      using net = new LSTM(2, 3, { rng });
      gradcheckModule(
        net,
        (m, x) => {
          const { output, state } = m.forward(x!);
          return [output, state.h, state.c];
        },
        [leaf([2, 3, 2], rng)],
      );
    });
  });

  it('has the same outputs and gradients in float32, where libtorch may take another path', () => {
    scope(() => {
      using net = new LSTM(I, H, { rng, numLayers: 2 });
      const x = randn([B, T, I], rng);
      const run = () => {
        const { output } = net.forward(x.to(net.weight_ih_l0!.dtype));
        const weights = parameters(net);
        const gradients = grad([output.square().sum()], weights) as Tensor[];
        return [output, ...gradients].map((tensor) => tensor.to('float64'));
      };
      const single = run();
      convert(net, 'float64');
      for (const [i, wanted] of run().entries()) expectClose(single[i]!, wanted, 1e-5);
    });
  });

  it('names shapes that do not fit', () => {
    scope(() => {
      using net = new LSTM(I, H, { rng });
      const x = randn([B, T, I], rng);
      const wrong = (shape: number[]) => randn(shape, rng);
      expect(() => net.forward(wrong([B, T, I + 1]))).toThrow(/LSTM: the input must be \[B, T, 3\], it is \[2, 4, 4\]/);
      expect(() => net.forward(wrong([T, I]))).toThrow(ShapeError);
      const state = { h: wrong([1, B, H]), c: wrong([1, B + 1, H]) };
      expect(() => net.forward(x, state)).toThrow(/the state must be \[1, 2, 5\], it is \[1, 3, 5\]/);
    });
  });
});
