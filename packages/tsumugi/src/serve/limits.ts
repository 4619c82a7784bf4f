// What one client may ask of a server, with safe defaults.

export interface Limits {
  /** Of a request's body. */
  readonly bodyBytes: number;
  /** Of all headers of a request together. */
  readonly headerBytes: number;
  /** Tokens of a prompt and its answer together: the model's context may be shorter. */
  readonly contextTokens: number;
  /** Tokens of an answer. */
  readonly maxTokens: number;
  /** Answers to one prompt, and prompts of one request, multiplied. */
  readonly n: number;
  /** Likeliest tokens beside each. */
  readonly topLogprobs: number;
  /** Stop strings of a request. */
  readonly stops: number;
  /** From the headers of a request to the last byte of its answer. */
  readonly requestSeconds: number;
  /** A client that takes nothing for so long is given up. */
  readonly stallSeconds: number;
  /** Requests of a model that wait for a place. */
  readonly queue: number;
  readonly connections: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 4 << 20,
  headerBytes: 16 << 10,
  contextTokens: 32_768,
  maxTokens: 4096,
  n: 16,
  topLogprobs: 20,
  stops: 16,
  requestSeconds: 600,
  stallSeconds: 60,
  queue: 256,
  connections: 1024,
};
