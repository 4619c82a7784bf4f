// Stage: text, translations or descriptions → rows to learn from or to measure on, made without a model.
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { BUILDERS, buildSide, checkBuilder, forecastBuild } from '../synth/index.ts';
import { buildExamplesConfig, readingConfig } from './config.ts';
import { FEW_ROWS, keepFew, standInPairs, tinyHeldOut } from './dry-run.ts';

const builderOf = (name: string) => BUILDERS.find((each) => each.name === name)!;

export const buildExamples = defineStage({
  name: 'build-examples',
  version: 1,
  makes: 'examples',
  inputs: { data: 'text' },
  config: buildExamplesConfig,
  output: 'examples',
  resumes: false,
  dryRun: ({ heldOutFraction }) => ({ heldOutFraction: tinyHeldOut(heldOutFraction), share: 1 }),
  check({ builder, rows, form, side, heldOutFraction }) {
    checkBuilder(builderOf(builder), rows, form);
    if (side === 'train' || heldOutFraction > 0) return;
    throw new ConfigError('nothing-held-out', 'there are no rows of the side heldOut with a heldOutFraction of 0', {
      remedy: 'Raise heldOutFraction, in the stage that makes the rows to learn from too.',
    });
  },
  forecast({ config: { builder, share, side, heldOutFraction }, inputs: { data } }) {
    const whole = forecastBuild(builderOf(builder), [{ path: data.path, bytes: data.bytes }]);
    const part = share * (side === 'train' ? 1 - heldOutFraction : heldOutFraction);
    return {
      seconds: whole.seconds,
      memory: [{ what: 'Node, and what was asked', bytes: whole.memoryBytes }],
      diskBytes: Math.ceil(part * whole.diskBytes),
      metrics: { examples: Math.ceil(part * whole.examples) },
    };
  },
  async run({ config: { builder, group, ...config }, inputs: { data }, folder, stream, dryRun }) {
    const reading = { ...readingConfig.parse(data.settings), group };
    const place = join(folder, 'examples');
    let counts: Awaited<ReturnType<typeof buildSide>>;
    try {
      counts = await buildSide(builder, data.paths, place, { ...config, reading });
    } catch (error) {
      if (!dryRun || config.rows !== 'pairs') throw error;
      return standInPairs(join(place, 'rows.jsonl'), stream, { error, code: 'nothing-built' });
    }
    if (dryRun) keepFew(join(place, 'rows.jsonl'));
    const dropped = [...counts.dropped].map(([why, count]) => [`left out: ${why}`, count]);
    const [here, other] = config.side === 'train' ? [counts.train, counts.heldOut] : [counts.heldOut, counts.train];
    return {
      metrics: [metric('examples', dryRun ? Math.min(here, FEW_ROWS) : here)],
      tables: [
        {
          title: `Rows of ${builder}`,
          columns: ['', 'rows'],
          rows: [['here', here], ['on the other side', other], ...dropped] as [string, number][],
        },
      ],
    };
  },
});
