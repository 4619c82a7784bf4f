// The CIFAR-10 GAN (standard CNNs, 32 × 32, spectral normalization, batch 64): real images through the discriminator's updates per
// second, with one update of the generator after five of them. In float32, as it is trained.
import { say } from '../../scripts/device-check/say.ts';
import { GanSteps, ganMethods } from '../lib/gan-steps.ts';
import { callsPerSecond, isQuick } from './timing.ts';

const discriminatorSteps = 5;
for (const name of ['sn', 'wgan-gp'] as const) {
  using steps = new GanSteps(ganMethods[name], isQuick);
  const round = () => {
    for (let i = 0; i < discriminatorSteps; i++) steps.discriminatorStep();
    steps.generatorStep();
  };
  const rate = callsPerSecond(round, isQuick ? 0.2 : 4);
  say({ metric: { name: `GAN ${name}, float32`, value: rate * discriminatorSteps * steps.batch, unit: 'images/s' } });
}
