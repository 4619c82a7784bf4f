// What fine-tuning is given: rows of data as tokens. Whoever reads data makes these, whoever trains takes them. Ids begin with BOS, as
// every text of these models does.

/** Where an example stands, for errors. Rows count from 1, as the lines of JSON lines do. */
export interface ExampleSource {
  file: string;
  row: number;
}

/** A text of which parts are to be learned. */
export interface Example {
  ids: Int32Array;
  /** 1 where the token is to be learned (predicted from those before it), else 0. As long as `ids`. */
  learned: Uint8Array;
  source: ExampleSource;
}

/** Two answers to a prompt, one of them better. They hold the tokens that end them: prompt and answer make a whole text. */
export interface PreferenceExample {
  prompt: Int32Array;
  chosen: Int32Array;
  rejected: Int32Array;
  /** By how much the chosen answer is better, where the row says: what a reward model is taught besides. */
  margin?: number;
  source: ExampleSource;
}

/** An answer to a prompt with a judgement of its own, as KTO takes them. The answer holds the tokens that end it. */
export interface RatedExample {
  prompt: Int32Array;
  completion: Int32Array;
  /** Whether such an answer is wanted. */
  desirable: boolean;
  source: ExampleSource;
}

/** A prompt with an answer to it, which is what is learned. */
export function completed(prompt: Int32Array, answer: Int32Array, source: ExampleSource): Example {
  const ids = new Int32Array(prompt.length + answer.length);
  ids.set(prompt);
  ids.set(answer, prompt.length);
  return { ids, learned: new Uint8Array(ids.length).fill(1, prompt.length), source };
}
