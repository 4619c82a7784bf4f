// What happens in a run, as JSON lines in its folder (`events.jsonl`): the progress line, the report and the web app read
// the same file. Every event carries the step it belongs to, so that a resumed run can drop what came after.
import { existsSync, readFileSync } from 'node:fs';
import { FormatError, parseJson } from '../base/index.ts';
import type { Json } from '../store/index.ts';

/** Numbers in events are null when they were not finite (a loss that became NaN): JSON has no such numbers. */
export type MetricValue = number | null;

interface Common {
  /** When it was written: milliseconds since 1970. */
  time: number;
  /** How many steps were done by then. */
  step: number;
}

/** The run begins, or goes on from `step`. */
export interface StartEvent extends Common {
  type: 'start';
  name: string;
  totalSteps: number;
  /** True when it goes on from a checkpoint. */
  resumed: boolean;
  /** Parameters of the model. */
  parameters?: number;
  /** Those that are trained, where some are frozen. */
  trainable?: number;
  /** Floating-point operations per second of a large matrix product here, measured before the first step. */
  peakFlops?: number;
  config?: Json;
}

/** A step of training. */
export interface StepEvent extends Common {
  type: 'step';
  loss?: MetricValue;
  /** Learning rate. */
  lr?: MetricValue;
  /** Global norm before clipping. */
  gradNorm?: MetricValue;
  /** Tokens seen since the run began. */
  tokens?: number;
  tokensPerSecond?: MetricValue;
  /** Model FLOPs utilization: the model's operations per second, as a share of the start's `peakFlops`. */
  mfu?: MetricValue;
  memoryBytes?: number;
  /** Whatever else was measured (z-loss, episode return, …). */
  metrics?: Readonly<Record<string, MetricValue>>;
}

/** What each part of the model did in a step: the embedding, each layer, the norms and the head, by their paths. */
export interface LayersEvent extends Common {
  type: 'layers';
  layers: Readonly<Record<string, LayerMetrics>>;
}

export interface LayerMetrics {
  /** Norm of its gradients before clipping. */
  gradNorm: MetricValue;
  /** Of its output in the first micro-batch: root of the mean square, and the largest absolute value. */
  rms?: MetricValue;
  max?: MetricValue;
}

/** Metrics measured on held-out data. */
export interface EvaluationEvent extends Common {
  type: 'evaluation';
  /** What was evaluated on. */
  name: string;
  metrics: Readonly<Record<string, MetricValue>>;
  /** How long it took. */
  seconds?: number;
}

/** Text the model wrote. */
export interface SampleEvent extends Common {
  type: 'sample';
  prompt: string;
  text: string;
}

export interface CheckpointEvent extends Common {
  type: 'checkpoint';
  /** Relative to the run folder. */
  path: string;
  seconds?: number;
}

export interface WarningEvent extends Common {
  type: 'warning';
  /** Kebab case, as errors have. */
  code: string;
  message: string;
}

export interface EndEvent extends Common {
  type: 'end';
  reason: 'done' | 'interrupted' | 'failed';
  message?: string;
}

/** A stage of a recipe begins, is skipped, or ends. In the log of a recipe, `step` counts its stages, from 1. */
export interface StageEvent extends Common {
  type: 'stage';
  name: string;
  /** The address of its artefact. */
  address: string;
  state: 'unchanged' | 'running' | 'made' | 'interrupted' | 'failed' | 'waiting';
  /** Why it is left as it is, or made. */
  why?: string;
  seconds?: number;
}

export type RunEvent =
  | StartEvent
  | StageEvent
  | StepEvent
  | LayersEvent
  | EvaluationEvent
  | SampleEvent
  | CheckpointEvent
  | WarningEvent
  | EndEvent;

/** An event, and the byte at which its line starts. */
interface Line {
  event: RunEvent;
  start: number;
}

/**
 * The events in the bytes of a log, and how many of the bytes hold whole events: a last line that was cut off by a kill
 * or a power failure is left out.
 *
 * @throws FormatError naming the line when one before the last is malformed
 */
export function parseEvents(bytes: Uint8Array, path: string): { lines: Line[]; length: number } {
  const lines: Line[] = [];
  const decoder = new TextDecoder();
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const event = newline < 0 ? undefined : parseLine(decoder.decode(bytes.subarray(start, newline)));
    if (event) lines.push({ event, start });
    else if (end === bytes.length) break;
    else
      throw new FormatError('malformed-event', `${path}, line ${lines.length + 1}: not an event`, {
        remedy: 'Remove the line, or the file.',
        fields: { path, line: lines.length + 1 },
      });
    start = end;
  }
  return { lines, length: start };
}

function parseLine(text: string): RunEvent | undefined {
  try {
    const value = parseJson(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { type, step } = value as Partial<RunEvent>;
    return typeof type === 'string' && typeof step === 'number' ? (value as RunEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** The events of a log, oldest first; none when there is no file yet. Types unknown to this version are passed on. */
export function readEvents(path: string): RunEvent[] {
  if (!existsSync(path)) return [];
  return parseEvents(readFileSync(path), path).lines.map(({ event }) => event);
}
