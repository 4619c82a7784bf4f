// Where tensors of plain numbers go: to the model's device.
import type { Device, Tensor } from '../torch/index.ts';

export const onDevice = (made: Tensor, device: Device): Tensor => (device === 'cpu' ? made : made.to(device));
