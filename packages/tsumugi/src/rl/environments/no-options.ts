// Options that nobody reads are refused.
import { UserError } from '../../base/index.ts';

/** @param owner what takes no options, e.g. "ABC-v0: reset". @throws UserError when there are some */
export function noOptions(owner: string, options: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(options);
  if (name === undefined) return;
  throw new UserError('unknown-option', `${owner}: there is no option "${name}"`, {
    remedy: 'It has none: leave options out.',
  });
}
