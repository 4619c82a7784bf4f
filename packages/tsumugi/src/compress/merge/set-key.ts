// Changes of a merge from the command line: `--set parameters.t=0.3`.
import { parse } from 'yaml';
import { ConfigError } from '../../base/index.ts';

/** @param set `key=value`, keys joined by dots, entries of lists by their place @throws ConfigError for what does not fit */
export function setKey(data: unknown, set: string): void {
  const equals = set.indexOf('=');
  const refuse = (problem: string, remedy: string) => new ConfigError('bad-set', `--set: ${problem}`, { remedy });
  if (equals <= 0) throw refuse(`expected key=value, got "${set}"`, 'Write for example --set parameters.t=0.3.');
  const names = set.slice(0, equals).trim().split('.');
  let around = data;
  for (const [i, name] of names.entries()) {
    const path = names.slice(0, i + 1).join('.');
    if (typeof around !== 'object' || around === null)
      throw refuse(
        `"${set}" does not fit the file: there is nothing to set inside ${names.slice(0, i).join('.')}`,
        `Check the keys before ${name}.`,
      );
    if (Array.isArray(around) && !Object.hasOwn(around, name))
      throw refuse(`there is no ${path}`, 'Entries of lists are counted from 0.');
    const tree = around as Record<string, unknown>;
    if (i === names.length - 1) tree[name] = valueOfSet(set.slice(equals + 1), refuse);
    else tree[name] ??= {};
    around = tree[name];
  }
}

function valueOfSet(text: string, refuse: (problem: string, remedy: string) => ConfigError): unknown {
  try {
    return parse(text, { version: '1.1' });
  } catch {
    throw refuse(`"${text}" is no YAML`, 'Put the value in quotes.');
  }
}
