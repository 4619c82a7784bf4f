// What every kind of training of a language model shares, top to bottom: open the run, build the model, forecast, measure,
// train, measure again, save. What it learns from and how it is measured is the kind's own.
import { join } from 'node:path';
import { checkOptions, steady } from '../base/index.ts';
import { saveModel } from '../lm/index.ts';
import {
  agreedPause,
  formatForecast,
  gradientStep,
  isDue,
  latestOverRanks,
  noLog,
  onFirst,
  openRunOverRanks,
  rehearse,
  remembered,
  requireAlike,
  requireFits,
  requireStepsLeft,
  restore,
  runLoop,
  SharedGradients,
  scheduleOf,
  silentStream,
  tellingOthers,
  trainingState,
} from '../loop/index.ts';
import { broadcastAll, fromFirst, type Mesh, ranksHere, rowGroups, solo } from '../mesh/index.ts';
import { freeze, numParameters, numTrainable, trainable } from '../nn/index.ts';
import { asJson, codeCommit, Interrupt, openRun, type ProgressStream, unlessInterrupted } from '../run/index.ts';
import { type ChatTemplate, templateHash } from '../text/index.ts';
import { formatParameterTable } from './describe-model.ts';
import { exchangeOver } from './exchange-over.ts';
import { modelFlops } from './flops.ts';
import type { TrainingPhase } from './forecast.ts';
import { LayerWatch } from './layer-watch.ts';
import { matmulPeak } from './matmul-peak.ts';
import {
  type ModelTraining,
  type Moment,
  type TrainOptions,
  type TrainResult,
  trainOptions,
} from './model-training.ts';
import { checkParts, makeOptimizer, recordedSettings } from './parts.ts';
import { rememberedState } from './remembered-state.ts';
import { requireOverRanks } from './require-over-ranks.ts';
import type { Shard } from './scale/shards.ts';
import { rehearseOverRanks, spaceOverRanks } from './scale/space-over-ranks.ts';
import { computeType } from './step-gradients.ts';

/**
 * Trains a model and writes it to `<out>/model`.
 *
 * @throws ConfigError, DataError before anything is written; a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function trainModel<E extends object>(
  task: ModelTraining<E>,
  options: TrainOptions = {},
): Promise<TrainResult<E>> {
  checkOptions(task.name, options, trainOptions);
  const { mesh = solo } = options;
  return await tellingOthers(mesh, () => trainAsRank(task, options, mesh));
}

async function trainAsRank<E extends object>(
  task: ModelTraining<E>,
  options: TrainOptions,
  mesh: Mesh,
): Promise<TrainResult<E>> {
  const { name, config, modelConfig, phases, part, result } = task;
  const isFirst = mesh.rank === 0;
  const stream = isFirst ? steady<ProgressStream>(options.stream ?? process.stderr) : silentStream;
  const print = (text: string) => void stream.write(`${text}\n`);
  checkParts(options);
  requireOverRanks(task, mesh.world);
  const { ranksPerRow = 1 } = task;
  const space = spaceOverRanks(task, ranksHere(mesh));
  requireFits(space);
  const settings = recordedSettings(config, options);
  const { resume, recipe } = options;
  requireAlike(mesh, name, settings, task.inputs);
  const rows = await rowGroups(mesh, ranksPerRow);
  using run = await openRunOverRanks(mesh, config.out, () =>
    openRun(name, settings, { resume, mayChange: task.mayChange, recipe, say: print }, task.inputs),
  );
  using checkpoint = latestOverRanks(mesh, run);
  using model = task.makeModel(checkpoint !== undefined);
  if (part?.isFrozen) freeze(model, part.isFrozen);
  using optimizer = makeOptimizer(model, config, options.optimizer);
  using exchange = exchangeOver(mesh, config.shard ?? 'none', model, optimizer);
  const start = checkpoint ? restore({ model, optimizer }, checkpoint) : 0;
  const known = checkpoint && remembered(checkpoint, rememberedState(task.evaluation, task.kept));
  if (known) task.kept?.put(known.kept as never);
  /** What only looks at the model sees it as it will be used: without dropout. */
  const looking = async <T>(look: () => Promise<T>): Promise<T> => {
    model.eval();
    if (!task.measuresEvenly) exchange?.weights?.gather();
    try {
      return await look();
    } finally {
      model.train();
      exchange?.weights?.release();
    }
  };
  const watch = new LayerWatch(model, config.layersEvery, new SharedGradients(exchange, mesh));
  broadcastAll(mesh, trainable(model)); // what is frozen is what is stored
  exchange?.weights?.settle();
  const gradients = task.gradients(model, {
    lossOf: options.loss?.of,
    onPart: (step) => watch.onPart(step),
    mesh,
    rows,
    beforeLast: exchange && (() => exchange.beforeLast()),
    afterLast: exchange && (() => exchange.afterLast()),
    afterBackward: exchange?.afterBackward && (() => exchange.afterBackward!()),
  });

  // Forecast.
  const device = model.parameterDevice;
  const rehearsed = task.rehearsesSteps ? [rehearse(gradients, optimizer)] : rehearseOverRanks(task, mesh.world);
  // All ranks go by the clock of the first and by its plan, which it alone writes down.
  const secondsPerStep = fromFirst(mesh, rehearsed);
  requireStepsLeft(totalSteps(phases), start);
  const own = isFirst ? task.plan({ secondsPerStep, start, run }) : undefined;
  const agreed = fromFirst(mesh, own);
  const { steps, time, lines, warning } = own ?? agreed;
  using log = isFirst ? run.openEvents(checkpoint ? start : undefined) : noLog;
  for (const { code, message } of [
    ...(task.warnings ?? []),
    ...uncut(config.shard ?? 'none', mesh),
    ...(warning ? [warning] : []),
  ]) {
    log.write({ type: 'warning', step: start, code, message });
    print(`warning: ${message}`);
  }
  for (const line of [formatParameterTable(modelConfig, part?.isFrozen), ...task.lines]) print(line);
  if (start < steps) print(formatForecast({ ...space, ...time }));
  for (const line of lines) print(line);
  const [parameters, trained] = [numParameters(model), numTrainable(model)];
  const counts = { parameters, ...(trained < parameters && { trainable: trained }) };
  const peakFlops = matmulPeak(device, computeType(config.dtype));
  // From the first event on a signal saves and ends.
  using interrupt = new Interrupt(print);
  log.write({ type: 'start', step: start, name, totalSteps: steps, resumed: start > 0, ...counts, peakFlops });

  // The model as it is, before it learns anything.
  const first: Moment = { step: 0, at: 'before' };
  const before = await unlessInterrupted(async () => {
    await task.prepare?.(agreedPause(mesh, interrupt), print, mesh);
    return known?.before ?? (await looking(() => task.evaluate(model, first, agreedPause(mesh, interrupt), mesh)));
  });
  if (!before) {
    log.write({ type: 'end', step: 0, reason: 'interrupted' });
    return { interrupted: true, folder: undefined, before, after: undefined };
  }
  const { name: measuredOn, metrics, shown } = task.measured(before, first);
  if (start === 0) log.write({ type: 'evaluation', step: 0, name: measuredOn, metrics });
  print(`  ${shown}`);

  // Training.
  const update = {
    model,
    optimizer,
    exchange,
    mesh,
    gradients: (step: number) => ({ flops: modelFlops(modelConfig, phaseAt(phases, step), part), ...gradients(step) }),
    peakFlops,
    layers: (step: number) => watch.found(step),
    learningRate: config.learningRate,
    schedule: scheduleOf(config, steps),
    clipNorm: config.clipNorm,
    afterStep: options.afterStep,
  };
  const isRangeTest = config.schedule === 'range-test';
  let after: E | undefined;
  const { interrupted, done } = await runLoop(
    {
      label: name,
      steps,
      ...(task.beforeStep && {
        beforeStep: (step, pause) => looking(() => task.beforeStep!(model, step, pause)),
      }),
      takeStep: gradientStep(update),
      due: (step) => ({
        checkpoint: isDue(config.checkpointEvery, step),
        evaluation: step > 0 && isDue(config.evaluateEvery, step),
        sample: step > 0 && step < steps && isDue(task.sampleEvery ?? 0, step),
      }),
      checkpoint: (step, saved) =>
        trainingState(
          update,
          { before: { ...before } as never, ...(task.kept && { kept: task.kept.of(step) as never }) },
          step,
          saved,
        ),
      async evaluate(step, pause) {
        const moment: Moment = { step, at: step === steps ? 'end' : 'between' };
        const found = await looking(() => task.evaluate(model, moment, pause, mesh));
        if (moment.at === 'end') after = found;
        return task.measured(found, moment);
      },
      ...(task.sample && { sample: (step, pause) => looking(() => task.sample!(model, step, pause)) }),
      keepLast: config.keepLast,
      keepSteps: config.keepSteps,
      mayDiverge: isRangeTest,
    },
    { run, log, stream, mesh },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, before, after: undefined };
  if (isRangeTest) {
    log.write({ type: 'end', step: done, reason: 'done' });
    return { interrupted, folder: undefined, before, after };
  }
  optimizer.zeroGrad();

  // The result.
  const { name: made, save } = task.saved ?? { name: 'model', save: saveModel };
  const folder = join(config.out, made);
  exchange?.weights?.gather();
  onFirst(mesh, () => {
    exchange?.[Symbol.dispose](); // it holds what may be taken off
    task.strip?.(model);
    result.requireUnchanged();
    save(folder, model, {
      tokenizerFolder: result.tokenizerFolder,
      chatTemplate: result.chatTemplate?.source,
      lineage: {
        stage: name,
        recipe: recipe ?? run.recipe,
        config: asJson(settings),
        seed: config.seed,
        commit: codeCommit(),
        ...result.lineage,
        ...(result.chatTemplate && { chatTemplate: identityOf(result.chatTemplate) }),
      },
    });
  });
  log.write({ type: 'end', step: steps, reason: 'done' });
  if (warning) print(`warning: ${warning.message}`);
  return { interrupted, folder, before, after };
}

/** What is to be cut over ranks is whole where there is one. */
const uncut = (shard: Shard, { world }: Mesh) =>
  world > 1 || shard === 'none'
    ? []
    : [{ code: 'uncut', message: `shard is ${shard}, but there is one process: nothing is cut` }];

const identityOf = (template: ChatTemplate) => ({ name: template.name, sha256: templateHash(template) });

/** The phase of a step (from 0): the last that has begun. */
function phaseAt(phases: readonly TrainingPhase[], step: number): TrainingPhase {
  let left = step;
  for (const phase of phases.slice(0, -1)) {
    if (left < phase.steps) return phase;
    left -= phase.steps;
  }
  return phases.at(-1)!;
}

const totalSteps = (phases: readonly TrainingPhase[]): number => phases.reduce((sum, { steps }) => sum + steps, 0);
