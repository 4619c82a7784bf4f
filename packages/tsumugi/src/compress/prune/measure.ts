// The importance of everything that pruning can take away, from one pass of a text through the model.
import { setImmediate } from 'node:timers/promises';
import { dtRank, idsRow, isMamba, layerPath, type Plamo2 } from '../../lm/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { Probes } from '../probes.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import { Influence } from './influence.ts';
import { Magnitude } from './magnitude.ts';
import type { Scores } from './scores-manifest.ts';
import { type CalibrationText, predictedOf } from './sequences.ts';

/** Called with the share that is done; may wait, and may throw to end it. */
export type OnShare = (share: number) => Promise<void> | void;

interface LayerMagnitudes {
  ffn: Magnitude;
  query?: Magnitude;
  mamba?: Magnitude;
  dt?: Magnitude;
}

/**
 * Scores by the rules of ModelOpt's Minitron: hidden width on the outputs of all pre-mixer and pre-MLP norms together (L2 over the
 * norms); FFN width on the input of down_proj; attention heads on the input of o_proj; Mamba heads on the x part of in_proj's output; Δ's
 * channels, which ModelOpt does not have, on the normed input of dt_proj. Layers by 1 − cosine between the residual stream
 * before and after a pair, averaged over tokens. The model is as before afterwards.
 */
export async function measureImportance(model: Plamo2, text: CalibrationText, onShare?: OnShare): Promise<Scores> {
  const { config } = model;
  const { hidden_size: h, hidden_size_per_head: P, num_attention_heads: H, mamba_num_heads: m } = config;
  const hidden = new Magnitude(h);
  const layers: LayerMagnitudes[] = [];
  using probes = new Probes(model);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const at = (within: string) => layerPath(i, within);
    for (const norm of ['pre_mixer_norm', 'pre_mlp_norm']) probes.watch(at(norm), (_, output) => hidden.add(output));
    const layer: LayerMagnitudes = { ffn: new Magnitude(config.intermediate_size) };
    layers.push(layer);
    probes.watch(at('mlp.down_proj'), (input) => layer.ffn.add(input));
    if (!isMamba(config, i)) {
      const query = new Magnitude(H * P);
      layer.query = query;
      probes.watch(at('mixer.o_proj'), (input) => query.add(input));
      continue;
    }
    const [mamba, dt] = [new Magnitude(m * P), new Magnitude(dtRank(config))];
    Object.assign(layer, { mamba, dt });
    probes.watch(at('mixer.in_proj'), (_, output) => {
      const [B, T] = output.shape as [number, number];
      mamba.add(
        output
          .reshape([B, T, m, 2, P])
          .select(3, 1)
          .reshape([B, T, m * P]),
      ); // z, then x of a head
    });
    probes.watch(at('mixer.dt_proj'), (input) => dt.add(input));
  }
  const influence = new Influence(config);
  const loss = await readThrough(model, text, (path, output) => influence.see(path, output), onShare);
  return {
    loss,
    hidden: hidden.scores(),
    layers: layers.map(({ ffn, query, mamba, dt }) => ({
      ffn: ffn.scores(),
      ...(query && { query: query.scores(P) }),
      ...(mamba && { mamba: mamba.scores(P), dt: dt!.scores() }),
    })),
    influence: influence.means(predictedOf(text)), // the last token of a sequence is not read
  };
}

type OnPart = (path: string, output: Tensor) => void;

/** The loss in nats of a predicted token. */
export async function readThrough(
  model: Plamo2,
  text: CalibrationText,
  onPart?: OnPart,
  onShare?: OnShare,
): Promise<number> {
  let [nats, done] = [0, 0];
  for (const ids of text.sequences) {
    nats += scope(() =>
      noGrad(() => {
        const batch = { ids: idsRow(ids.slice(0, -1)), targets: idsRow(ids.slice(1)) };
        return model.loss(batch, { reduction: 'sum', onPart }).crossEntropy.item();
      }),
    );
    done += ids.length;
    await onShare?.(done / text.tokens);
    await setImmediate(); // Ctrl-C is heard between sequences
  }
  return nats / predictedOf(text);
}

/** The loss without each group of layers that can go. */
export async function lossesWithout(model: Plamo2, text: CalibrationText, onShare?: OnShare): Promise<number[]> {
  const stack = model.model.layers;
  const all = stack.layers;
  const size = layersOfUnit(model.config);
  const units = Math.floor(all.length / size);
  const losses: number[] = [];
  try {
    for (let unit = 0; unit < units; unit++) {
      stack.layers = all.filter((_, i) => Math.floor(i / size) !== unit);
      losses.push(await readThrough(model, text, undefined, (share) => onShare?.((unit + share) / units)));
    }
  } finally {
    stack.layers = all;
  }
  return losses;
}
