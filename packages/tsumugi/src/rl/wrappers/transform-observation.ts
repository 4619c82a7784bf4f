// Observations changed one by one.
import type { Environment, Observation } from '../environment.ts';
import { Box, type Space } from '../spaces/index.ts';
import { requireBox } from './require-box.ts';
import { Wrapper } from './wrapper.ts';

/** Gives out what `transform` makes of each observation, a point of `space`. It must not write into what it gets. */
export class TransformObservation<
  O extends Observation = Observation,
  I extends Observation = Observation,
> extends Wrapper<O, I> {
  readonly #transform: (observation: I) => O;

  constructor(inner: Environment<I>, transform: (observation: I) => O, space: Space) {
    super(inner, { observation: space });
    this.#transform = transform;
  }

  protected override observe(observation: I): O {
    return this.#transform(observation);
  }
}

/** Observations of 64 bits, or bytes, as numbers of 32 bits. */
export class CastObservation extends TransformObservation<Float32Array> {
  constructor(inner: Environment) {
    const { low, high, shape } = requireBox('CastObservation', 'observation', inner.observationSpace, false);
    super(
      inner,
      (observation) => Float32Array.from(observation as ArrayLike<number>),
      new Box([...low], [...high], shape),
    );
  }
}
