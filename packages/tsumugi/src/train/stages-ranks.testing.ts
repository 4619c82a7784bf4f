// A rank of several trainings, one after another: `node stages-ranks.testing.ts FILE`, which has [kind, config] of each as JSON. Writes what
// each came to, or the sentence of its error.
import { readFileSync } from 'node:fs';
import { TsumugiError } from '../base/index.ts';
import { openMesh, placeOf } from '../mesh/index.ts';
import { SGD } from '../optim/index.ts';
import { distill, dpo, extend, pretrain, reward, sft, type TrainOptions } from './index.ts';
import { nextTokenLoss } from './loss-function.ts';
import { silent } from './train.testing.ts';

type Kind = (config: never, options: object) => Promise<object>;
const kinds: Readonly<Record<string, Kind>> = { pretrain, extend, sft, dpo, distill, reward };

/** Twice the cross-entropy, with a count of its own, and an optimizer that has no state. */
const twice: Pick<TrainOptions, 'loss' | 'optimizer'> = {
  loss: {
    name: 'twice',
    of(...args) {
      const { loss, shown } = nextTokenLoss(...args);
      return { loss: loss.mul(2), shown: shown!, sums: () => ({ rows: args[1].ids.size(0) }) };
    },
  },
  optimizer: { name: 'sgd', make: (model) => new SGD(model) },
};

/** An optimizer that cannot be cut over ranks. */
const whole: typeof twice = {
  optimizer: {
    name: 'whole',
    make(model) {
      const sgd = new SGD(model);
      return {
        step: (...args) => sgd.step(...args),
        zeroGrad: () => sgd.zeroGrad(),
        state: () => sgd.state(),
        loadState: (saved) => sgd.loadState(saved),
        [Symbol.dispose]: () => sgd[Symbol.dispose](),
      };
    },
  },
};

const place = placeOf();
const mesh = place && (await openMesh(place));
const results: object[] = [];
for (const [kind, config, own] of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as [
  string,
  object,
  boolean | 'whole',
][]) {
  const seen: number[] = [];
  const afterStep: TrainOptions['afterStep'] = ({ loss, gradNorm }) => {
    seen.push(loss, gradNorm);
    return { hook: loss };
  };
  const options = { ...(mesh && { mesh }), stream: silent, afterStep, ...(own === 'whole' ? whole : own && twice) };
  try {
    results.push({ ...(await kinds[kind]!(config as never, options)), seen });
  } catch (error) {
    if (!(error instanceof TsumugiError)) throw error;
    results.push({ error: error.message, seen });
    break; // the others have been told that this rank gave up
  }
}
console.log(JSON.stringify(results));
mesh?.[Symbol.dispose]();
