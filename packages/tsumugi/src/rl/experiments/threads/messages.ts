// What a thread of an asynchronous training is told, and what it tells.
import type { SharedParts } from '../../agents/shared-parts.ts';
import type { PlainError } from '../../vector/at-index.ts';
import type { EnvironmentSetting } from '../environments.ts';
import type { RlConfig } from '../train-config.ts';

export interface ThreadPlan {
  /** From 0. */
  index: number;
  config: RlConfig;
  environment: EnvironmentSetting;
  /** Steps that schedules run over. */
  totalSteps: number;
  shared: SharedParts;
  steps: SharedArrayBuffer;
}

export type FromThread =
  /** An episode that ended. */
  | { return: number; length: number }
  /** It waits for further steps; at first, too. */
  | { statistics: Readonly<Record<string, number>> }
  | { failed: PlainError };
