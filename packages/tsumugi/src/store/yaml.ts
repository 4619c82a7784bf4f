// YAML files that people write: read with errors that name the file and the line.
import { parseDocument } from 'yaml';
import { decodeUtf8, FormatError, MAX_JSON_BYTES, readBytes } from '../base/index.ts';

/**
 * The value in a YAML file.
 *
 * @param bytes the longest file that is read
 * @throws DataError when there is no such file; FormatError, with the line, when it is no YAML
 */
export function readYamlValue(path: string, bytes = MAX_JSON_BYTES): unknown {
  const document = parseDocument(decodeUtf8(readBytes(path, bytes), path));
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
