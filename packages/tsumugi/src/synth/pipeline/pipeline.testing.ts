// For tests of pipelines: a service that answers the steps that are there in a few words, out of what it is asked.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Body, type Handler, Service } from '../../eval/backends/openai.testing.ts';
import { openaiBackend } from '../../eval/backends/openai.ts';
import type { PipelineSettings } from './pipeline-config.ts';
import type { PipelineRun } from './pipeline-run.ts';
import type { SynthRow } from './row.ts';
import { runPipeline } from './run-pipeline.ts';
import type { SynthReport } from './synth-report.ts';

export const promptOf = ({ messages }: Body) => (messages as { content: string }[]).at(-1)!.content;

export const reply = (content: string, finish = 'stop') => ({
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
  usage: { prompt_tokens: 10, completion_tokens: 5 },
});

/** Two questions to a document, an answer to each, another one after a critique, full marks. */
export function wordsFor(prompt: string): string {
  if (prompt.includes('採点')) return '5';
  if (prompt.includes('批評に従って')) return '直した答えです。';
  const document = /文書：\n([^\n]*)/.exec(prompt)?.[1] ?? '';
  if (prompt.includes('作ってください')) return `1. ${document}とは何ですか。\n2. ${document}はどこですか。`;
  return `${/質問：(.*)/.exec(prompt)?.[1] ?? prompt}への答えです。`;
}

export const answering: Handler = (path, body) =>
  path.endsWith('/chat/completions') ? [200, reply(wordsFor(promptOf(body)))] : [404, {}];

export const questions: PipelineSettings = {
  steps: [{ ask: 'question' }, { ask: 'answer' }],
  output: { user: 'question', assistant: 'answer' },
};

export const documents = (count: number): PipelineSettings['rows'] =>
  Array.from({ length: count }, (_, i) => ({ text: `第${i}の山` }));

/** A line of what a run leaves. */
export interface Line {
  messages: { role: string; content: string }[];
  text: string;
  provenance: Pick<SynthRow, 'source' | 'asked'>;
  step: string;
  source: SynthRow['source'];
  reason: string;
  code: string;
  message: string;
}

/** A folder of the test file, and what a run leaves in it. */
export function pipelineWorld() {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-'));
  afterAll(async () => {
    await Service.stopAll();
    rmSync(home, { recursive: true, force: true });
  });
  let runs = 0;
  const at = (...names: string[]) => join(home, ...names);
  const lines = (path: string): Line[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return {
    at,
    lines,
    fresh: () => at(`out-${runs++}`),
    write(name: string, text: string): string {
      writeFileSync(at(name), text);
      return at(name);
    },
    rowsOf: (out: string) => lines(join(out, 'examples', 'rows.jsonl')),
    bytesOf: (out: string) => {
      const path = join(out, 'examples', 'rows.jsonl');
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    },
    async run(
      service: Service,
      settings: PipelineSettings,
      { retries = 1, ...changes }: Partial<PipelineRun> & { out: string; retries?: number },
    ): Promise<SynthReport> {
      await using backend = await openaiBackend({
        endpoint: service.address,
        model: 'm',
        chat: 'chat',
        retries,
        retryDelaySeconds: 0.001,
      });
      return await runPipeline(settings, { backend, ...changes });
    },
  };
}
