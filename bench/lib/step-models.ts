// The three models whose training steps are compared: as in bench/peer/steps.py, operator for operator.
import { Conv2d, LayerNorm, Linear, Module, relu } from 'tsumugi/nn';
import { callOperator, maxPool2d, mseLoss, nllLoss, type Rng, randint, randn, type Tensor } from 'tsumugi/torch';

/** A model with one batch of random data. */
export interface StepModel {
  module: Module;
  input: Tensor;
  target: Tensor;
  loss(): Tensor;
}

/** Cross-entropy in the two operators that PyTorch's is made of. */
const classification = (logits: Tensor, target: Tensor) => nllLoss(logits.logSoftmax(1), target);

/** libtorch's number for the layout in which oneDNN's convolutions are a quarter quicker, on both sides. */
const channelsLast = 2;

class Mlp extends Module {
  first: Linear;
  second: Linear;
  last: Linear;

  constructor(width: number, rng: Rng) {
    super();
    this.first = new Linear(784, width, { rng });
    this.second = new Linear(width, width, { rng });
    this.last = new Linear(width, 10, { rng });
  }

  /** [B, 784] → [B, 10] */
  forward(x: Tensor): Tensor {
    return this.last.forward(relu(this.second.forward(relu(this.first.forward(x)))));
  }
}

class ConvNet extends Module {
  first: Conv2d[];
  second: Conv2d[];
  last: Linear;

  constructor(channels: number, rng: Rng) {
    super();
    const convolution = (from: number, to: number) => new Conv2d(from, to, 3, { padding: 1, rng });
    this.first = [convolution(3, channels), convolution(channels, channels)];
    this.second = [convolution(channels, 2 * channels), convolution(2 * channels, 2 * channels)];
    this.last = new Linear(2 * channels * 64, 10, { rng });
  }

  /** [B, 3, 32, 32] → [B, 10] */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const stage of [this.first, this.second]) {
      for (const layer of stage) y = relu(layer.forward(y));
      y = maxPool2d(y, 2);
    }
    return this.last.forward(y.flatten(1));
  }
}

class TransformerBlock extends Module {
  attentionNorm: LayerNorm;
  qkv: Linear;
  out: Linear;
  mlpNorm: LayerNorm;
  up: Linear;
  down: Linear;

  constructor(width: number, rng: Rng) {
    super();
    this.attentionNorm = new LayerNorm(width, { rng });
    this.qkv = new Linear(width, 3 * width, { rng });
    this.out = new Linear(width, width, { rng });
    this.mlpNorm = new LayerNorm(width, { rng });
    this.up = new Linear(width, 4 * width, { rng });
    this.down = new Linear(4 * width, width, { rng });
  }

  /** [B, T, D] → [B, T, D], every token seeing every other. */
  forward(x: Tensor): Tensor {
    const [B, T, D] = x.shape as [number, number, number];
    const heads = 8;
    const [q, k, v] = this.qkv
      .forward(this.attentionNorm.forward(x))
      .view([B, T, 3, heads, D / heads])
      .permute([2, 0, 3, 1, 4])
      .unbind(0) as [Tensor, Tensor, Tensor]; // [B, heads, T, D / heads] each
    const weights = q
      .mul((D / heads) ** -0.5)
      .matmul(k.transpose(-2, -1))
      .softmax(-1);
    const h = x.add(this.out.forward(weights.matmul(v).transpose(1, 2).reshape([B, T, D])));
    return h.add(this.down.forward(this.up.forward(this.mlpNorm.forward(h)).gelu()));
  }
}

/** The models by the peer's names; `quick` makes small ones. */
export const stepModels: Record<string, { title: string; make(rng: Rng, quick: boolean): StepModel }> = {
  mlp: {
    title: 'MLP 784-512-512-10, batch 256',
    make(rng, quick) {
      const batch = quick ? 8 : 256;
      const module = new Mlp(quick ? 16 : 512, rng);
      const input = randn([batch, 784], rng).keep();
      const target = randint(0, 10, [batch], rng).keep();
      return { module, input, target, loss: () => classification(module.forward(input), target) };
    },
  },
  convolution: {
    title: 'CNN 3×32×32, 4 convolutions, batch 64',
    make(rng, quick) {
      const batch = quick ? 2 : 64;
      const module = new ConvNet(quick ? 4 : 32, rng);
      using rows = randn([batch, 3, 32, 32], rng);
      const input = (callOperator('aten::contiguous', rows, channelsLast) as Tensor).keep();
      const target = randint(0, 10, [batch], rng).keep();
      return { module, input, target, loss: () => classification(module.forward(input), target) };
    },
  },
  transformer: {
    title: 'transformer block 512 × 8 heads, 8 × 256 tokens',
    make(rng, quick) {
      const [B, T, D] = quick ? [1, 16, 64] : [8, 256, 512];
      const module = new TransformerBlock(D!, rng);
      const input = randn([B!, T!, D!], rng).keep();
      const target = randn([B!, T!, D!], rng).keep();
      return { module, input, target, loss: () => mseLoss(module.forward(input), target) };
    },
  },
};
