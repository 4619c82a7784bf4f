// What is trained on what, in a few lines for the terminal.
import type { ImageSet } from '../images/index.ts';
import { numParameters } from '../nn/index.ts';
import { formatInteger } from '../run/index.ts';
import { ownNames } from './parts.ts';
import type { GanTrainer } from './trainer.ts';

export function describeGan(trainer: GanTrainer, set: ImageSet): string {
  const { G, D, method, own, optimizer, shape, average, config } = trainer;
  const { lr, betas, discriminatorSteps } = optimizer;
  const { batchSize, generatorBatchSize = batchSize } = config;
  const names = ownNames(own);
  const parameters = [G, D].map((network) => formatInteger(numParameters(network)));
  const settings = [
    `normalization ${own.discriminator ? 'its own' : method.normalization}`,
    `loss ${names.loss === undefined ? method.loss : `"${names.loss}"`}`,
    ...(names.penalty === undefined ? [] : [`penalty "${names.penalty}"`]),
  ];
  const networks = [names.generator, names.discriminator].map((name) => (name === undefined ? undefined : `"${name}"`));
  const [ofG = shape.architecture, ofD = shape.architecture] = networks;
  const architecture = ofG === ofD ? ofG : `generator ${ofG}, discriminator ${ofD}`;
  return [
    `${set.name} ${set.split}: ${formatInteger(set.count)} images ${set.channels}×${set.height}×${set.width} (${set.source})`,
    `${method.title}: ${settings.join(', ')}; ${architecture}` +
      `${shape.numClasses === null ? '' : `, ${shape.numClasses} classes`}, parameters: generator ${parameters[0]}, discriminator ${parameters[1]}`,
    `Adam α ${lr}, β ${betas.join(', ')}, n_dis ${discriminatorSteps}; batches of ${batchSize} and ${generatorBatchSize} (generator)` +
      `${average ? `; moving average ${config.emaDecay}` : ''}`,
  ].join('\n');
}
