// Every resizer against libtorch's own, where it has one, or by hand.
import { expect, it } from 'vitest';
import { expectClose } from '../../nn/nn.testing.ts';
import { adaptiveAvgPool2d, callOperator, full, scope, type Tensor, tensor } from '../../torch/index.ts';
import { type Resizer, resize, resizers } from './resize.ts';
import { waves } from './scores.testing.ts';

const picture = (height: number, width: number) => waves(height, width, 1).float().view([1, 1, height, width]);
const line = (values: number[], out: number, resizer: Resizer) =>
  resize(tensor([[[values]]]), [1, out], resizer)
    .view([out])
    .tolist();

it.each([
  [5, 7, 12, 9],
  [9, 8, 4, 3],
])('%i×%i to %i×%i as libtorch does', (H, W, h, w) => {
  scope(() => {
    const x = picture(H, W);
    const torch = (name: string, aligned: boolean) => callOperator(name, x, [h, w], aligned) as Tensor;
    expectClose(resize(x, [h, w], 'bilinear'), torch('aten::upsample_bilinear2d', false), 1e-5);
    expectClose(resize(x, [h, w], 'bilinear-align-corners'), torch('aten::upsample_bilinear2d', true), 1e-5);
    expectClose(resize(x, [h, w], 'bicubic-antialias'), torch('aten::_upsample_bicubic2d_aa', false), 1e-5);
  });
});

it('area is the mean over a window, also one that cuts through pixels', () => {
  scope(() => {
    const x = picture(8, 6);
    expectClose(resize(x, [4, 2], 'area'), adaptiveAvgPool2d(x, [4, 2]), 1e-6);
    const [first, second] = line([3, 6, 12], 2, 'area') as number[];
    expect(first).toBeCloseTo((3 + 6 / 2) / 1.5, 5);
    expect(second).toBeCloseTo((6 / 2 + 12) / 1.5, 5);
  });
});

it('bilinear-tf1 begins at the first pixel and leans to the right', () => {
  scope(() => {
    expect(line([0, 4, 8], 6, 'bilinear-tf1')).toEqual([0, 2, 4, 6, 8, 8]);
    expect(line([0, 4, 8], 6, 'bilinear')).toEqual([0, 1, 3, 5, 7, 8]);
  });
});

it.each(resizers.filter((each) => each !== 'none'))('%s leaves a plain image as it is, bytes too', (resizer) => {
  scope(() => {
    const plain = full([2, 3, 4, 4], 7, { dtype: 'uint8' });
    expectClose(resize(plain, [7, 3], resizer), full([2, 3, 7, 3], 7), 1e-6);
    expectClose(resize(picture(4, 4), [4, 4], resizer), picture(4, 4), 1e-6);
  });
});

it('refuses an unknown resizer, and to resize with none', () => {
  scope(() => {
    expect(() => resize(picture(4, 4), [8, 8], 'none')).toThrow(/are 4×4, the feature network takes 8×8/);
    expect(() => resize(picture(4, 4), [8, 8], 'lanczos' as Resizer)).toThrow(/no resizer "lanczos"/);
  });
});
