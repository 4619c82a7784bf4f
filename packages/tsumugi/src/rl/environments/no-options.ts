// Options that nobody reads are refused.
import { UserError } from '../../base/index.ts';

/** For tasks without options of `reset`. @throws UserError when there are some */
export function noOptions(id: string, options: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(options);
  if (name === undefined) return;
  throw new UserError('unknown-option', `${id}: reset: there is no option "${name}"`, {
    remedy: 'It has none: leave options out.',
  });
}
