// Our engine as clients' partner, in this process: no HTTP.
import type { Engine } from 'tsumugi/lm';
import type { Write } from './clients.ts';

/** Greedy; the model's own end ends nothing, so that answers are as long as they are asked for. */
export const engineWrite =
  (engine: Engine): Write =>
  (_client, { prompt, answerTokens }, onToken) =>
    new Promise((resolve, reject) => {
      engine.add({
        prompt,
        maxTokens: answerTokens,
        stopIds: [],
        onId(id) {
          onToken(id);
          return false;
        },
        onEnd: () => resolve(),
        onError: reject,
      });
      engine.run().catch(reject);
    });
