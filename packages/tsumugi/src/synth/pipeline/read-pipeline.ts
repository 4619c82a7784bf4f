// The settings of a pipeline from a YAML or JSON file.
import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import { ConfigError, decodeUtf8, FormatError, isObject, readBytes, readJsonValue } from '../../base/index.ts';

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
  const settings = path.endsWith('.json') ? readJsonValue(path, { bytes: MAX_BYTES }) : readYaml(path);
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

function readYaml(path: string): unknown {
  const document = parseDocument(decodeUtf8(readBytes(path, MAX_BYTES), path));
  const [fault] = document.errors;
  const refuse = (problem: string, cause: unknown, line?: number) =>
    new FormatError('bad-yaml', `${path}${line === undefined ? '' : `:${line}`}: ${problem}`, {
      remedy: 'Correct the line, or the indentation around it.',
      fields: { path, line },
      cause,
    });
  if (fault) throw refuse(fault.message.split('\n')[0]!.replace(/ at line .*/, ''), fault, fault.linePos?.[0].line);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw refuse((cause as Error).message, cause);
  }
}
