// What a pipeline would ask, before anything is asked: requests and tokens, and what they cost at given prices. Nothing is known of
// answers yet: each is as long as it may be, no filter drops anything, and lists have as many items as the prompt asks for.

import { checkOptions, checkSettings, type OptionNames } from '../../base/index.ts';
import type { AskStep } from './ask-step.ts';
import { checkedRows, fieldsNeeded } from './check-fields.ts';
import { rowOutput } from './output.ts';
import { type PipelineConfig, type PipelineSettings, pipelineConfig } from './pipeline-config.ts';
import { textOf } from './row.ts';
import { type FilterStep, stepsOf } from './steps.ts';
import { estimateMessages, estimateTokens } from './tokens.ts';

export interface StepPlan {
  readonly step: string;
  readonly requests: number;
  /** Tokens to read, and to write at most. */
  readonly read: number;
  readonly write: number;
}

export interface PipelinePlan {
  readonly rows: number;
  readonly steps: readonly StepPlan[];
  readonly requests: number;
  readonly read: number;
  readonly write: number;
  /** Examples at most. */
  readonly examples: number;
  /** At the prices that were given. */
  readonly cost?: number;
}

export interface PlanOptions {
  /** What paths in the settings are relative to. */
  folder?: string | undefined;
  /** Tokens of a text. Default: an estimate by its characters. */
  countTokens?: ((text: string) => number) | undefined;
  /** Of a million tokens. */
  prices?: { readonly read: number; readonly write: number } | undefined;
}

const planOptions: OptionNames<PlanOptions> = { folder: true, countTokens: true, prices: true };

/** Rows of whose fields nothing but lengths is known are counted together. */
interface Flow {
  rows: number;
  /** Tokens of all the texts that a field holds, by field. */
  readonly fields: Map<string, number>;
}

/** @throws ConfigError or DataError as the run itself would */
export async function planPipeline(
  settings: PipelineSettings | PipelineConfig,
  options: PlanOptions = {},
): Promise<PipelinePlan> {
  checkOptions('planPipeline', options, planOptions);
  const config = checkSettings('pipeline', pipelineConfig, settings);
  const { folder = '.', countTokens = estimateTokens, prices } = options;
  const steps = stepsOf(config, folder);
  const output = rowOutput(config);
  const needed = [...fieldsNeeded(steps, output).keys()];
  const flow: Flow = { rows: 0, fields: new Map(needed.map((name) => [name, 0])) };
  for await (const row of checkedRows(config, folder, steps, output)) {
    flow.rows++;
    for (const name of needed)
      flow.fields.set(name, flow.fields.get(name)! + countTokens(textOf(row, name, 'the pipeline')));
  }
  const { rows } = flow;
  const plans = steps.flatMap((step) =>
    step.kind === 'ask' ? [planStep(step, flow, countTokens)] : measured(step, flow),
  );
  const sum = (key: 'requests' | 'read' | 'write') => plans.reduce((total, plan) => total + plan[key], 0);
  const [requests, read, write] = [sum('requests'), sum('read'), sum('write')];
  const cost = prices && (prices.read * read + prices.write * write) / 1e6;
  return { rows, steps: plans, requests, read, write, examples: flow.rows, ...(cost !== undefined && { cost }) };
}

/** Perplexity is read for. */
function measured({ config: { filter, field }, label }: FilterStep, flow: Flow): StepPlan[] {
  if (filter !== 'perplexity') return [];
  return [{ step: label, requests: flow.rows, read: flow.fields.get(field) ?? 0, write: 0 }];
}

function planStep(step: AskStep, flow: Flow, count: (text: string) => number): StepPlan {
  const { samples, maxTokens } = step.config;
  const fixed = estimateMessages(
    step.messages(() => ''),
    count,
  );
  const requests = flow.rows * samples;
  const varied = step.needs.reduce((sum, name) => sum + (flow.fields.get(name) ?? 0), 0);
  const plan = {
    step: step.label,
    requests,
    read: Math.ceil(requests * fixed + samples * varied),
    write: requests * maxTokens,
  };
  const items = samples * (step.read === 'list' ? step.items : 1);
  for (const [name, tokens] of flow.fields) flow.fields.set(name, tokens * items);
  flow.rows *= items;
  flow.fields.set(step.into, step.read === 'number' ? flow.rows : requests * maxTokens);
  return plan;
}
