// Actions as environments take them, as a network's action values take them.
import { type Device, fromBytes, type Tensor } from '../../torch/index.ts';
import type { Action } from '../environment.ts';
import { onDevice } from '../on-device.ts';
import type { Discrete, Space } from '../spaces/index.ts';

/** Numbers from 0, int64 [N]; elements of boxes, float32 [N, elements]. */
export function actionTensor(actions: readonly Action[], space: Space, device: Device): Tensor {
  if (space.kind === 'Discrete') {
    const { start } = space as Discrete;
    const numbers = Int32Array.from(actions as number[], (action) => action - start);
    return onDevice(fromBytes(numbers, 'int32', [numbers.length]).to('int64'), device);
  }
  const flat = Float32Array.from((actions as Float32Array[]).flatMap((action) => [...action]));
  return onDevice(fromBytes(flat, 'float32', [actions.length, flat.length / actions.length]), device);
}
