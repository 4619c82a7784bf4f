// Models of the Hugging Face Hub: their names, the hub's cache on disk, and fetching into it.
export { hubOrigin, type Need } from './cache-layout.ts';
export { type HubName, hubNameOf, parseHubName } from './hub-name.ts';
export { HubError } from './hub-refusal.ts';
export {
  type PlannedFile,
  type PullOptions,
  type PullPlan,
  type PullProgress,
  type PullResult,
  planPull,
  pull,
} from './pull.ts';
export { resolveModel } from './resolve.ts';
