// The addon's door to libtorch's c10d, for src/mesh, and its hearing of gradients.
import type { NativeModule } from '@tsumugi/native';
import { native } from './native.ts';
import type { Tensor } from './tensor.ts';

export type C10d = Pick<
  NativeModule,
  | 'meshBackends'
  | 'meshOpen'
  | 'meshHellos'
  | 'meshGroup'
  | 'meshBegin'
  | 'meshDone'
  | 'meshWait'
  | 'meshFailure'
  | 'meshGiveUp'
  | 'meshClose'
>;

export const c10d = (): C10d => native();

/**
 * Calls `heard(i)` while backward goes on, as soon as `parameters[i].grad` has all that this backward adds to it. What it throws ends
 * the backward. Nothing is heard any more once the result is disposed.
 */
export function onGradients(parameters: readonly Tensor[], heard: (index: number) => void): Disposable {
  const hearing = native().onGradients(
    parameters.map(({ handle }) => handle),
    heard,
  );
  return { [Symbol.dispose]: () => native().offGradients(hearing) };
}

/**
 * Calls `heard` each time a backward has the gradient of this tensor, before it goes on to what made the tensor. What it throws ends the
 * backward.
 */
export const onGradientOf = (tensor: Tensor, heard: () => void): void => native().onGradientOf(tensor.handle, heard);
