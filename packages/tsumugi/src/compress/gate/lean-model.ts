// A model for the gate: its weights are read layer by layer, and never whole in memory.
import { loadModel, type Plamo2 } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import type { Predictor } from './compare.ts';
import { enginePredictor } from './predictors.ts';

export interface LeanModel extends Disposable {
  readonly model: Plamo2;
  /** The model for the gate, which is not in memory while it is not asked. */
  predictor(name: string): Predictor;
}

/** A model in float32. Where the file has that type, what is in memory at a time is a layer of it, and the head. */
export function openLean(folder: string): LeanModel {
  using stack = new DisposableStack();
  const weights = stack.use(new Artefact(folder).weights());
  const model = stack.use(loadModel(folder, { dtype: 'float32', weights }));
  model.afterLayer = () => weights.releasePages();
  const owned = stack.move();
  return {
    model,
    predictor(name) {
      const engine = enginePredictor(model, name);
      const resting = async <T>(answer: Promise<T>): Promise<T> => {
        const found = await answer;
        weights.releasePages(); // of the head
        return found;
      };
      return {
        name,
        nextLogits: (ids) => resting(engine.nextLogits(ids)),
        greedy: (...asked) => resting(engine.greedy(...asked)),
      };
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}
