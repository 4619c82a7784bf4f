// The merge methods by their names in mergekit's YAML.
import { arceeFusion, nearswap } from './entry-wise.ts';
import { linear, passthrough } from './linear.ts';
import type { MergeMethod } from './method.ts';
import { modelStock } from './model-stock.ts';
import { ram, ramplusTl } from './ram.ts';
import { sce } from './sce.ts';
import { nuslerp, slerp } from './slerp.ts';
import { karcher, multislerp } from './spherical-mean.ts';
import { taskVectors } from './task-vectors.ts';

const epsilon = { epsilon: { kind: 'number', default: 0.15, range: { min: 0, max: 1 } } } as const;
const gamma = { gamma: { kind: 'number', default: 0.01, range: { min: 0, max: 1 } } } as const;

export const mergeMethods = {
  linear,
  slerp,
  nuslerp,
  multislerp,
  karcher,
  task_arithmetic: taskVectors({}),
  ties: taskVectors({ sparsification: 'magnitude', consensus: true, normalize: true }),
  dare_linear: taskVectors({ sparsification: 'random', rescale: true }),
  dare_ties: taskVectors({ sparsification: 'random', consensus: true, rescale: true }),
  della: taskVectors({ sparsification: 'rank', consensus: true, normalize: true, rescale: true, own: epsilon }),
  della_linear: taskVectors({ sparsification: 'rank', rescale: true, own: epsilon }),
  breadcrumbs: taskVectors({ sparsification: 'outliers', own: gamma }),
  breadcrumbs_ties: taskVectors({ sparsification: 'outliers', consensus: true, own: gamma }),
  sce,
  ram,
  ramplus_tl: ramplusTl,
  model_stock: modelStock,
  nearswap,
  arcee_fusion: arceeFusion,
  passthrough,
} satisfies Record<string, MergeMethod>;

export type MergeMethodName = keyof typeof mergeMethods;
export const mergeMethodNames = Object.keys(mergeMethods) as MergeMethodName[];
