// What a training run would do, without a run folder: images, networks, and what it will take.
import { checkOptions, type OptionNames, steady } from '../base/index.ts';
import { openImages } from '../images/index.ts';
import { type Forecast, formatForecast, requireFits } from '../loop/index.ts';
import type { RanksHere } from '../mesh/index.ts';
import type { ProgressStream } from '../run/index.ts';
import { describeGan } from './describe.ts';
import { forecastGanSpace, forecastGanTime } from './forecast.ts';
import type { TrainGanOptions } from './train.ts';
import type { GanConfig } from './train-config.ts';
import { GanTrainer } from './trainer.ts';

/** As of `trainGan`, where it makes a difference before the first step. */
export interface PlanGanOptions extends Omit<TrainGanOptions, 'resume' | 'mesh'> {
  /** The ranks it would be spread over; one process when left out. */
  ranks?: RanksHere | undefined;
}

const planOptions: OptionNames<PlanGanOptions> = {
  generator: true,
  discriminator: true,
  loss: true,
  penalty: true,
  stream: true,
  recipe: true,
  dataFolder: true,
  ranks: true,
};

/**
 * Prints what `trainGan` would train on what, with its forecast of time, memory and disk, and returns the forecast. A data set that
 * is not there yet is fetched; nothing else is written.
 *
 * @throws ConfigError, DataError, UserError as `trainGan` would
 */
export async function planGan(config: GanConfig, options: PlanGanOptions = {}): Promise<Forecast> {
  checkOptions('planGan', options, planOptions);
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  const { generator, discriminator, loss, penalty, dataFolder } = options;
  const own = { generator, discriminator, loss, penalty };
  const set = await openImages(config.data, 'train', { size: config.size, folder: dataFolder, report: print });
  const space = forecastGanSpace(config, set, own, options.ranks);
  requireFits(space);
  {
    using trainer = new GanTrainer(config, set, own);
    print(describeGan(trainer, set));
  }
  const forecast = { ...space, ...forecastGanTime(config, set, own) };
  print(formatForecast(forecast));
  return forecast;
}
