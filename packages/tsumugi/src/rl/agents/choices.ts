// What action values say about acting, as plain numbers.
import { invariant } from '../../base/index.ts';
import { type ActionValues, DiscreteValues } from '../action-values/index.ts';
import type { Action } from '../environment.ts';
import type { Box, Discrete, Space } from '../spaces/index.ts';

export interface Choice {
  greedy: Action;
  /** Its value. */
  max: number;
  /** Of every action, where actions are discrete. */
  values: Float32Array | undefined;
}

/** For each environment. */
export function choicesOf(values: ActionValues, space: Space): Choice[] {
  if (values instanceof DiscreteValues) {
    const all = values.q.data() as Float32Array;
    const { n, start } = space as Discrete;
    return Array.from({ length: all.length / n }, (_, i) => countedChoice(all.subarray(i * n, (i + 1) * n), start));
  }
  const greedy = values.greedyActions();
  const [batch, width] = greedy.shape as [number, number];
  const [actions, maxima] = [greedy.data() as Float32Array, values.max().data()];
  invariant(actions.length === batch * width, 'an action for each observation');
  return Array.from({ length: batch }, (_, i) => ({
    greedy: (space as Box).clip(actions.slice(i * width, (i + 1) * width)),
    max: Number(maxima[i]),
    values: undefined,
  }));
}

function countedChoice(values: Float32Array, start: number): Choice {
  let best = 0;
  for (let a = 1; a < values.length; a++) if (values[a]! > values[best]!) best = a;
  return { greedy: start + best, max: values[best]!, values };
}
