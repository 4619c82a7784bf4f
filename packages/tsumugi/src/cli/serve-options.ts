// The options of `tsumugi serve`.
import { defaultLimits } from '../serve/index.ts';

export const serveOptions = {
  model: {
    type: 'list',
    value: '[NAME=]DIR|NAME|FILE.gguf',
    required: true,
    help: 'models to serve: folders, names on the Hugging Face Hub, or GGUF files; the first is loaded at once, others when asked for',
  },
  name: { type: 'string', help: 'name under which the one model is served (default: that of its folder)' },
  adapter: {
    type: 'list',
    value: 'NAME=[MODEL=]DIR',
    help: "adapters in PEFT's layout, each served under its name, on the model of that name, or else the first",
  },
  draft: {
    type: 'list',
    value: '[NAME=]DIR|NAME|FILE.gguf',
    help: 'smaller models with the same tokenizer that guess how texts of a model go on, of the first unless another is named; answers stay the same',
  },
  draftTokens: { type: 'integer', min: 1, max: 64, help: 'tokens that a draft guesses at a time (default: 4)' },
  template: {
    type: 'string',
    value: 'NAME|FILE.jinja',
    help: 'chat template of all models (default: each model’s own)',
  },
  dtype: {
    type: 'choice',
    choices: ['float32', 'float64'],
    default: 'float32',
    help: 'compute in this type',
  },
  host: {
    type: 'string',
    default: '127.0.0.1',
    help: 'address to listen at; elsewhere than on this machine a key is needed',
  },
  port: { type: 'integer', min: 0, max: 65_535, default: 8000, help: 'port to listen at; 0 for any that is free' },
  apiKey: {
    type: 'list',
    value: 'KEY',
    help: 'keys of which a client must know one; others of this machine can read a command line',
  },
  apiKeyFile: { type: 'string', value: 'FILE', help: 'file with such keys, one a line' },
  apiKeyEnv: { type: 'string', value: 'VAR', help: 'environment variable with such a key' },
  cors: {
    type: 'list',
    value: 'ORIGIN',
    help: 'origins whose pages may use the server, such as https://chat.example; * for all',
  },
  allowHost: {
    type: 'list',
    value: 'NAME',
    help: 'names besides localhost by which a server without a key may be asked',
  },
  context: {
    type: 'integer',
    min: 1,
    default: defaultLimits.contextTokens,
    help: 'tokens of a prompt and its answer together at most',
  },
  maxTokens: { type: 'integer', min: 1, default: defaultLimits.maxTokens, help: 'tokens of an answer at most' },
  slots: { type: 'integer', min: 1, default: 16, help: 'texts of a model that are written at the same time' },
  promptLookup: {
    type: 'integer',
    min: 0,
    max: 64,
    default: 0,
    help: 'tokens that are guessed at a time from what stood before in a text, for models without a draft; 0 for none',
  },
  queue: {
    type: 'integer',
    min: 0,
    default: defaultLimits.queue,
    help: 'requests of a model that may wait for a place',
  },
  requestSeconds: {
    type: 'integer',
    min: 1,
    default: defaultLimits.requestSeconds,
    help: 'seconds that a request may take',
  },
  memory: {
    type: 'string',
    value: 'SIZE',
    help: 'memory for weights and caches, such as 8G (default: four fifths of what is available)',
  },
  cache: {
    type: 'string',
    value: 'SIZE',
    help: "memory of each model's cache (default: 1G, or a quarter of --memory)",
  },
  cacheDir: {
    type: 'string',
    value: 'DIR',
    help: 'folder in which the prefix cache is kept while the server does not run',
  },
  drainDelay: {
    type: 'integer',
    min: 0,
    default: 0,
    help: 'seconds for which requests are still taken when the server ends',
  },
  drainSeconds: { type: 'integer', min: 0, default: 60, help: 'seconds in which what runs may end then' },
  plan: { type: 'boolean', help: 'say what it would take, and serve nothing' },
  json: { type: 'boolean', help: 'print a JSON object when the server listens; lines of the log are JSON, too' },
} as const;
