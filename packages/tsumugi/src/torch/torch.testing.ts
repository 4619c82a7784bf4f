// What tests ask of the libtorch at hand.
import { ones, scope } from './index.ts';

export const NO_BFLOAT16 = 'this libtorch has no products of bfloat16 at the level TSUMUGI_CPU asks for';

/** libtorch 1.13 asks the CPU itself whether oneDNN has products of bfloat16, and not the level that oneDNN is held to. */
export function multipliesBfloat16(): boolean {
  const narrow = (...shape: number[]) => ones(shape, { dtype: 'bfloat16' });
  try {
    return scope(() => narrow(64, 48).matmul(narrow(48, 48)).float().sum().item()) === 64 * 48 * 48;
  } catch {
    return false;
  }
}
