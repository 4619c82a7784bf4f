// The settings of a pipeline from a YAML or JSON file.
import { dirname } from 'node:path';
import { ConfigError, isObject, readJsonValue } from '../../base/index.ts';
import { readYamlValue } from '../../store/index.ts';

/** The longest file that is read: prompts are in it. */
const MAX_BYTES = 4 << 20;

export interface PipelineFile {
  /** As they were written, unchecked. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What paths in it are relative to. */
  readonly folder: string;
}

/** @throws DataError when there is no such file; FormatError, with the line, when it is no YAML */
export function readPipelineFile(path: string): PipelineFile {
  const settings = path.endsWith('.json') ? readJsonValue(path, { bytes: MAX_BYTES }) : readYamlValue(path, MAX_BYTES);
  if (isObject(settings)) return { settings, folder: dirname(path) };
  throw new ConfigError(
    'bad-config',
    `${path} should hold steps and output, and holds ${JSON.stringify(settings)?.slice(0, 40)}`,
    {
      remedy: 'See docs/synth.md for a pipeline of ten lines.',
      fields: { path },
    },
  );
}
