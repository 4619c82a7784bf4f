// The order of calls of an environment, and what it takes as an action.
import { kindOf, UserError } from '../base/index.ts';
import type { ActionLike } from './environment.ts';
import type { Space } from './spaces/index.ts';

/** @param why the end of "the episode …" */
export function needsReset(id: string, why?: string): UserError {
  const what =
    why === undefined ? 'step comes before the first reset' : `the episode ${why}, so it has no further step`;
  return new UserError('needs-reset', `${id}: ${what}`, { remedy: 'Call reset(), which begins an episode.' });
}

/**
 * Refuses what is no action. Elements of an array may lie outside of a box: what a task clips, it clips itself, as in Gymnasium.
 *
 * @throws UserError `bad-action`
 */
export function checkAction(id: string, space: Space, action: ActionLike): void {
  if (space.kind === 'Discrete') {
    if (space.contains(action)) return;
  } else if (
    typeof action !== 'number' &&
    isArray(action) &&
    action.length === space.shape.reduce((a, b) => a * b, 1)
  ) {
    let finite = true;
    for (let i = 0; i < action.length; i++) finite &&= Number.isFinite(action[i]);
    if (finite) return;
  }
  throw new UserError('bad-action', `${id}: an action is a point of ${space}, got ${shown(action)}`, {
    remedy:
      space.kind === 'Discrete'
        ? 'Give one of its whole numbers.'
        : `Give an array of ${space.shape.reduce((a, b) => a * b, 1)} finite numbers.`,
    fields: { action },
  });
}

const isArray = (value: unknown): value is ArrayLike<number> => Array.isArray(value) || ArrayBuffer.isView(value);

function shown(action: unknown): string {
  if (!isArray(action)) return typeof action === 'number' ? String(action) : kindOf(action);
  const first = Array.from({ length: Math.min(action.length, 8) }, (_, i) => String(action[i]));
  return `[${first.join(', ')}${action.length > 8 ? `, … ${action.length} in all` : ''}]`;
}
