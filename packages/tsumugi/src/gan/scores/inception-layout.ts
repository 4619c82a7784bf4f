// InceptionV3 as data: Szegedy et al. 2015, "Rethinking the Inception Architecture", arXiv 1512.00567, in the form that its
// published weights have (94 convolutions, no auxiliary head). Names are those of torchvision's `inception_v3`; the order of
// the convolutions is also the order in which Keras numbers them (`conv2d_1` … `conv2d_94`).

/** A convolution without bias, batch norm (ε = 0.001) and ReLU. */
export interface ConvStep {
  kind: 'conv';
  name: string;
  inChannels: number;
  outChannels: number;
  /** [height, width] */
  kernel: readonly [number, number];
  stride: 1 | 2;
  padding: readonly [number, number];
}

/** 3×3. `average` and `max` with stride 1 keep the size; `reduce` is a maximum with stride 2 and no padding. */
export interface PoolStep {
  kind: 'average' | 'max' | 'reduce';
}

/** Each branch gets the same input; the channels of what they give are joined. */
export interface SplitStep {
  kind: 'split';
  branches: readonly (readonly Step[])[];
}

export type Step = ConvStep | PoolStep | SplitStep;

export const NUM_FEATURES = 2048;

type Kernel = ConvStep['kernel'];
/** Name, channels out, kernel; `2` for stride 2 without padding, `0` for stride 1 without padding. */
type Brief = readonly [name: string, outChannels: number, kernel: Kernel, edge?: 0 | 2];

const k1: Kernel = [1, 1];
const k3: Kernel = [3, 3];
const k5: Kernel = [5, 5];
const wide7: Kernel = [1, 7];
const tall7: Kernel = [7, 1];
const wide3: Kernel = [1, 3];
const tall3: Kernel = [3, 1];

/** Convolutions one after the other, on `inChannels`. */
function chain(prefix: string, inChannels: number, ...briefs: readonly Brief[]): ConvStep[] {
  return briefs.map(([name, outChannels, kernel, edge], i) => ({
    kind: 'conv',
    name: prefix + name,
    inChannels: i === 0 ? inChannels : briefs[i - 1]![1],
    outChannels,
    kernel,
    stride: edge === 2 ? 2 : 1,
    padding: edge === undefined ? [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2] : [0, 0],
  }));
}

const split = (...branches: (readonly Step[])[]): SplitStep => ({ kind: 'split', branches });

/** 35×35 */
function blockA(name: string, c: number, pooled: number): SplitStep {
  const to = (...briefs: Brief[]) => chain(`${name}.`, c, ...briefs);
  return split(
    to(['branch1x1', 64, k1]),
    to(['branch5x5_1', 48, k1], ['branch5x5_2', 64, k5]),
    to(['branch3x3dbl_1', 64, k1], ['branch3x3dbl_2', 96, k3], ['branch3x3dbl_3', 96, k3]),
    [{ kind: 'average' }, ...to(['branch_pool', pooled, k1])],
  );
}

/** 17×17, `w` channels inside */
function blockC(name: string, w: number): SplitStep {
  const to = (...briefs: Brief[]) => chain(`${name}.`, 768, ...briefs);
  return split(
    to(['branch1x1', 192, k1]),
    to(['branch7x7_1', w, k1], ['branch7x7_2', w, wide7], ['branch7x7_3', 192, tall7]),
    to(
      ['branch7x7dbl_1', w, k1],
      ['branch7x7dbl_2', w, tall7],
      ['branch7x7dbl_3', w, wide7],
      ['branch7x7dbl_4', w, tall7],
      ['branch7x7dbl_5', 192, wide7],
    ),
    [{ kind: 'average' }, ...to(['branch_pool', 192, k1])],
  );
}

/** 8×8 */
function blockE(name: string, c: number, pool: 'average' | 'max'): SplitStep {
  const to = (...briefs: Brief[]) => chain(`${name}.`, c, ...briefs);
  const crossed = (branch: string) =>
    split(chain(`${name}.`, 384, [`${branch}a`, 384, wide3]), chain(`${name}.`, 384, [`${branch}b`, 384, tall3]));
  return split(
    to(['branch1x1', 320, k1]),
    [...to(['branch3x3_1', 384, k1]), crossed('branch3x3_2')],
    [...to(['branch3x3dbl_1', 448, k1], ['branch3x3dbl_2', 384, k3]), crossed('branch3x3dbl_3')],
    [{ kind: pool }, ...to(['branch_pool', 192, k1])],
  );
}

/**
 * From [B, 3, 299, 299] to [B, 2048, 8, 8].
 *
 * @param lastPool of the last block: `average`, but `max` in the network of 2015-12-05
 */
export function inceptionSteps(lastPool: 'average' | 'max'): Step[] {
  return [
    ...chain('', 3, ['Conv2d_1a_3x3', 32, k3, 2], ['Conv2d_2a_3x3', 32, k3, 0], ['Conv2d_2b_3x3', 64, k3]),
    { kind: 'reduce' },
    ...chain('', 64, ['Conv2d_3b_1x1', 80, k1], ['Conv2d_4a_3x3', 192, k3, 0]),
    { kind: 'reduce' },
    blockA('Mixed_5b', 192, 32),
    blockA('Mixed_5c', 256, 64),
    blockA('Mixed_5d', 288, 64),
    split(
      chain('Mixed_6a.', 288, ['branch3x3', 384, k3, 2]),
      chain('Mixed_6a.', 288, ['branch3x3dbl_1', 64, k1], ['branch3x3dbl_2', 96, k3], ['branch3x3dbl_3', 96, k3, 2]),
      [{ kind: 'reduce' }],
    ),
    blockC('Mixed_6b', 128),
    blockC('Mixed_6c', 160),
    blockC('Mixed_6d', 160),
    blockC('Mixed_6e', 192),
    split(
      chain('Mixed_7a.', 768, ['branch3x3_1', 192, k1], ['branch3x3_2', 320, k3, 2]),
      chain(
        'Mixed_7a.',
        768,
        ['branch7x7x3_1', 192, k1],
        ['branch7x7x3_2', 192, wide7],
        ['branch7x7x3_3', 192, tall7],
        ['branch7x7x3_4', 192, k3, 2],
      ),
      [{ kind: 'reduce' }],
    ),
    blockE('Mixed_7b', 1280, 'average'),
    blockE('Mixed_7c', 2048, lastPool),
  ];
}

/** Every convolution, in Keras's order. */
export function convSteps(steps: readonly Step[] = inceptionSteps('average')): ConvStep[] {
  return steps.flatMap((step) =>
    step.kind === 'conv' ? [step] : step.kind === 'split' ? step.branches.flatMap((branch) => convSteps(branch)) : [],
  );
}
