// PLaMo 2 (spec 2): embedding, hybrid layers of Mamba and attention, RMSNorm, tied or separate head. Field names are
// the published checkpoint names, so a parameter's path is its name in `model.safetensors`.
//
//   B batch   T tokens   D hidden size   V vocabulary
import { checkOptions, type OptionNames, ShapeError, UserError } from '../base/index.ts';
import type { Mesh } from '../mesh/index.ts';
import {
  Embedding,
  linearCrossEntropy,
  logitsCrossEntropy,
  Module,
  type RMSNorm,
  type UnaryModule,
  WeightedLayer,
} from '../nn/index.ts';
import { checkpoint, type Device, type DType, scope, type Tensor } from '../torch/index.ts';
import { Attention } from './attention.ts';
import { Block, normOf, normOffset } from './block.ts';
import { isMamba, type Plamo2Config, ropeBaseOf, windowOf } from './config.ts';
import { layerPath } from './layer-path.ts';
import { linearOf } from './linear-of.ts';
import { lossOfPart, RowOverRanks } from './long-rows/index.ts';
import { Mamba } from './mamba.ts';
import { Mlp } from './mlp.ts';
import { RopeTables } from './rope-tables.ts';
import { tensorShapes } from './tensor-shapes.ts';
import type { Batch, ForwardOptions, LanguageModel, LossOptions, LossParts } from './types.ts';

/** Gives the tensor for a checkpoint name; the model takes it over. */
export type WeightSource = (name: string, shape: readonly number[]) => Tensor;

/** What turns ids into vectors, and hidden states into logits where the head is tied. */
export interface TokenTable extends UnaryModule {
  /** hidden [..., D] → logits [..., V] */
  logits(hidden: Tensor): Tensor;
}

class LayerStack extends Module {
  layers: Block[];
  constructor(layers: Block[]) {
    super();
    this.layers = layers;
  }
}

class Decoder extends Module {
  embed_tokens: TokenTable;
  layers: LayerStack;
  norm: RMSNorm;
  constructor(weight: Tensor, layers: Block[], norm: RMSNorm) {
    super();
    this.embed_tokens = new Embedding(weight.size(0), weight.size(1), { weight });
    this.layers = new LayerStack(layers);
    this.norm = norm;
  }
}

/** Layer `index` of a model; `take` gives the tensor for a checkpoint name, which the layer takes over. */
export function buildBlock(config: Plamo2Config, index: number, take: (name: string) => Tensor): Block {
  const get = (name: string) => take(layerPath(index, name));
  const preMixer = get('pre_mixer_norm.weight');
  const mixer = isMamba(config, index)
    ? new Mamba(
        {
          heads: config.mamba_num_heads,
          headDim: config.hidden_size_per_head,
          stateSize: config.mamba_d_state,
          chunk: config.mamba_chunk_size,
          eps: config.rms_norm_eps,
        },
        {
          in: get('mixer.in_proj.weight'),
          conv: get('mixer.conv1d.weight'),
          bcdt: get('mixer.bcdt_proj.weight'),
          dt: get('mixer.dt_proj.weight'),
          dtBias: get('mixer.dt_bias'),
          aLog: get('mixer.A_log'),
          d: get('mixer.D'),
          dtNorm: get('mixer.dt_norm_weight'),
          bNorm: get('mixer.B_norm_weight'),
          cNorm: get('mixer.C_norm_weight'),
          out: get('mixer.out_proj.weight'),
        },
      )
    : new Attention(
        {
          heads: config.num_attention_heads,
          kvHeads: config.num_key_value_heads,
          headDim: config.hidden_size_per_head,
          window: windowOf(config, index),
          ropeBase: ropeBaseOf(config, index),
        },
        {
          qkv: get('mixer.qkv_proj.weight'),
          ...(config.qk_norm && { q: get('mixer.q_weight'), k: get('mixer.k_weight') }),
          out: get('mixer.o_proj.weight'),
        },
      );
  const postMixer = get('post_mixer_norm.weight');
  const preMlp = get('pre_mlp_norm.weight');
  const mlp = new Mlp({ gateUp: get('mlp.gate_up_proj.weight'), down: get('mlp.down_proj.weight') });
  const norms = { preMixer, postMixer, preMlp, postMlp: get('post_mlp_norm.weight') };
  return new Block(mixer, mlp, norms, config.rms_norm_eps);
}

const forwardOptions: OptionNames<ForwardOptions> = {
  cache: true,
  documents: true,
  activationCheckpointing: true,
  dtype: true,
  embeddingNoise: true,
  sequenceParallel: true,
  onPart: true,
};
const lossOptions: OptionNames<LossOptions> = {
  zLoss: true,
  reduction: true,
  activationCheckpointing: true,
  dtype: true,
  embeddingNoise: true,
  sequenceParallel: true,
  onPart: true,
};
const batchParts: OptionNames<Batch> = { ids: true, targets: true, documents: true };

function noisy(h: Tensor, noise: Tensor): Tensor {
  if (noise.shape.join() === h.shape.join()) return h.add(noise.to(h.dtype));
  throw new ShapeError(
    'wrong-shape',
    `forward: embeddingNoise must be [${h.shape.join(', ')}] like what the embedding gives, got [${noise.shape.join(', ')}]`,
  );
}

/** The row of a pass that lies over ranks; undefined where it lies in one process. */
function rowOver(
  mesh: Mesh | undefined,
  config: Plamo2Config,
  ids: Tensor,
  { cache, documents }: ForwardOptions,
): RowOverRanks | undefined {
  if (!mesh || mesh.world === 1) return undefined;
  if (cache)
    throw new UserError('bad-argument', 'forward: a cache holds whole rows, so sequenceParallel cannot be given too');
  return new RowOverRanks(mesh, config, ids.shape as [number, number], documents);
}

/** Is told where a forward is, for who has the weights of a layer only while it computes. */
export interface WeightHolder {
  /** Whether all weights are there: then a forward asks nobody for them. */
  readonly isWhole: boolean;
  /** Before the embedding. */
  beforeForward(): void;
  /** Before a layer computes, also when it is run again for backward. */
  beforeLayer(index: number): void;
  /** When a layer has given its output; of −1 the embedding. */
  afterLayer(index: number, output: Tensor): void;
}

export class Plamo2 extends Module implements LanguageModel {
  readonly config: Plamo2Config;
  model: Decoder;
  /** Only when the head is not tied: [V padded to 16, D]. */
  lm_head?: UnaryModule;
  readonly #rope = new RopeTables();
  /** Called when a layer of a forward pass is done: whoever holds mapped weights can give back their memory. */
  afterLayer: (() => void) | undefined;
  /** Who has the weights; without one they are always there. */
  weightHolder: WeightHolder | undefined;

  constructor(config: Plamo2Config, weights: WeightSource) {
    super();
    this.config = config;
    const shapes = tensorShapes(config);
    const take = (name: string) => weights(name, shapes.get(name)!);
    const embedding = take('model.embed_tokens.weight');
    const blocks = Array.from({ length: config.num_hidden_layers }, (_, index) => buildBlock(config, index, take));
    const norm = normOf(take('model.norm.weight'), normOffset.pre, config.rms_norm_eps);
    this.model = new Decoder(embedding, blocks, norm);
    if (!config.tie_word_embeddings) this.lm_head = linearOf(take('lm_head.weight'));
  }

  get parameterDevice(): Device {
    return this.model.norm.weight.device;
  }

  get parameterDType(): DType {
    return this.model.norm.weight.dtype;
  }

  /**
   * Token ids [B, T] int64 → hidden states [B, T, D] after the last norm. With a cache, the ids continue it. With
   * `documents` [B, T] int32, packed documents never influence each other. `activationCheckpointing` keeps only each layer's
   * input and recomputes the rest during backward.
   *
   * @throws ShapeError when ids are not [B, T], noise is not [B, T, D], or both a cache and documents are given.
   */
  forward(ids: Tensor, options: ForwardOptions = {}): Tensor {
    checkOptions('forward', options, forwardOptions);
    const {
      cache,
      documents,
      activationCheckpointing = false,
      dtype,
      embeddingNoise,
      sequenceParallel,
      onPart,
    } = options;
    if (ids.ndim !== 2)
      throw new ShapeError('bad-ids', `forward: ids must be [batch, tokens], got [${ids.shape.join(', ')}]`);
    if (cache && documents)
      throw new ShapeError('bad-ids', 'forward: a cache holds one document, so documents cannot be given too');
    const row = rowOver(sequenceParallel, this.config, ids, options);
    const memory = cache ?? row;
    const own = row?.own(ids) ?? ids;
    const at = memory?.startPass(own.shape) ?? 0;
    const context =
      typeof at === 'number'
        ? { rope: this.#rope, offset: at, documents }
        : { rope: this.#rope.at(at, ids.device), offset: 0 };
    const holder = this.weightHolder;
    holder?.beforeForward();
    let h = this.model.embed_tokens.forward(own); // [B, T, D]
    // A frozen base keeps its matrices as they are stored; what it computes in is the type of its norms.
    const wanted = dtype ?? this.parameterDType;
    if (h.dtype !== wanted) h = h.to(wanted);
    if (embeddingNoise) h = noisy(h, row?.own(embeddingNoise) ?? embeddingNoise);
    holder?.afterLayer(-1, h);
    onPart?.('model.embed_tokens', h);
    for (const [index, block] of this.model.layers.layers.entries()) {
      // What a layer made on the way goes when it is done, but for what backward needs.
      const compute = (x: Tensor, of?: Parameters<Block['forward']>[2]) => {
        holder?.beforeLayer(index);
        return block.forward(x, context, of);
      };
      h = activationCheckpointing
        ? checkpoint((x) => compute(x, row?.layers[index]), h)
        : scope(() => compute(h, memory?.layers[index]));
      holder?.afterLayer(index, h);
      onPart?.(layerPath(index), h);
      this.afterLayer?.();
    }
    memory?.endPass(own.shape);
    h = this.model.norm.forward(h);
    onPart?.('model.norm', h);
    return h;
  }

  /** Hidden states [..., D] → logits [..., V]. */
  logits(hidden: Tensor): Tensor {
    const logits = this.lm_head ? this.lm_head.forward(hidden) : this.model.embed_tokens.logits(hidden);
    return logits.size(-1) === this.config.vocab_size ? logits : logits.narrow(-1, 0, this.config.vocab_size);
  }

  /**
   * Mean cross-entropy of the targets (−100 is ignored), with an optional z-loss. Logits are never whole in memory, unless
   * the head is more than a weight (adapted, quantized).
   */
  loss(batch: Batch, options: LossOptions = {}): LossParts {
    checkOptions('loss', options, lossOptions);
    checkOptions('loss: the batch', batch, batchParts);
    const { zLoss, reduction, ...forward } = options;
    const hidden = this.forward(batch.ids, { ...forward, documents: batch.documents });
    const { sequenceParallel: mesh } = options;
    return mesh && mesh.world > 1
      ? lossOfPart(mesh, batch.targets, reduction, (targets) =>
          this.lossOf(hidden, targets, { zLoss, reduction: 'sum' }),
        )
      : this.lossOf(hidden, batch.targets, { zLoss, reduction });
  }

  /** `loss` of hidden states [B, T, D] that `forward` gave. */
  lossOf(hidden: Tensor, targets: Tensor, { zLoss, reduction }: Pick<LossOptions, 'zLoss' | 'reduction'>): LossParts {
    const weight = this.headWeight;
    return weight
      ? linearCrossEntropy(hidden, weight, targets, { zLoss, reduction, vocabularySize: this.config.vocab_size })
      : logitsCrossEntropy(this.logits(hidden), targets, { zLoss, reduction });
  }

  /** What turns hidden states into logits [at least V, D]; undefined when that is more than a weight (adapted, quantized). */
  get headWeight(): Tensor | undefined {
    const head = this.lm_head ?? this.model.embed_tokens;
    return head instanceof WeightedLayer && head.isBareWeight ? head.weight : undefined;
  }

  override dispose(): void {
    super.dispose();
    this.#rope[Symbol.dispose]();
  }
}
