// An option that has no effect beside the others is refused by name.
import { ConfigError } from '../base/index.ts';
import { flagOf } from './options.ts';

/** @throws ConfigError that names the first of these options that was given all the same */
export function withoutEffect(why: string, options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).find((key) => options[key] !== undefined && options[key] !== false);
  if (given !== undefined)
    throw new ConfigError('no-effect', `--${flagOf(given)} has no effect: ${why}`, {
      remedy: `Leave --${flagOf(given)} out.`,
      fields: { option: given },
    });
}
