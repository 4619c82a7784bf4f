// What can be wrong with a value that an environment gives out, in sentences that say what to do.
import { isObject, kindOf } from '../../base/index.ts';
import { Box, type BoxDType, Discrete, type Space } from '../spaces/index.ts';

const ARRAYS: Readonly<Record<BoxDType, string>> = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  uint8: 'Uint8Array',
};

/** A number, or the first elements of an array. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (!ArrayBuffer.isView(value)) return kindOf(value);
  const elements = Array.from(value as unknown as ArrayLike<number>);
  return `[${elements.slice(0, 8).join(', ')}${elements.length > 8 ? ', …' : ''}]`;
}

/** @param from e.g. "reset" or "step 3". @returns undefined for a point of the space */
export function observationFault(from: string, space: Space, observation: unknown): string | undefined {
  const wanted = space instanceof Box ? ARRAYS[space.dtype] : space instanceof Discrete ? 'number' : 'Float32Array';
  const came = typeof observation === 'number' ? 'number' : (observation as object | undefined)?.constructor?.name;
  if (came !== wanted) {
    const thing = wanted === 'number' ? 'a number' : `a ${wanted}`;
    return `${from} gave ${kindOf(observation)} as its observation, where ${space} stands for ${thing}: give out ${thing}, or declare another space`;
  }
  if (typeof observation !== 'number') {
    const size = space.shape.reduce((product, length) => product * length, 1);
    const elements = observation as ArrayLike<number>;
    if (elements.length !== size)
      return `${from} gave an observation of ${elements.length} elements, where ${space} has ${size}: make the array and the space's shape agree`;
    const bad = Array.from(elements).findIndex(Number.isNaN);
    if (bad >= 0)
      return `${from} gave NaN in element ${bad} of its observation: look for a division by 0, a root of a negative number or a speed without bound`;
  }
  if (space.contains(observation)) return undefined;
  const place = space instanceof Box ? outside(space, observation as ArrayLike<number>) : '';
  return `${from} gave the observation ${shown(observation)}, which is not in ${space}${place}: widen the space's bounds, or clip the observation`;
}

function outside(box: Box, elements: ArrayLike<number>): string {
  const i = Array.from(elements).findIndex((x, i) => !(x >= box.low[i]! && x <= box.high[i]!));
  return ` (element ${i} is ${elements[i]}, its bounds are ${box.low[i]} and ${box.high[i]})`;
}

/** What `step` gave besides the observation. */
export function* resultFaults(from: string, result: unknown): Generator<string> {
  if (!isObject(result)) {
    yield `${from} gave ${kindOf(result)}: give out { observation, reward, terminated, truncated, info }`;
    return;
  }
  const { reward, terminated, truncated, info } = result;
  if (typeof reward !== 'number' || !Number.isFinite(reward))
    yield `${from} gave ${kindOf(reward)} as its reward: give out a finite number`;
  for (const [name, value] of Object.entries({ terminated, truncated }))
    if (typeof value !== 'boolean') yield `${from} gave ${kindOf(value)} as ${name}: give out true or false`;
  if (!isObject(info)) yield `${from} gave ${kindOf(info)} as info: give out an object, {} if there is nothing to tell`;
}
