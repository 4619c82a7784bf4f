// Stage: a model → a GGUF file for llama.cpp, compared with the model; texts, where there are any, weigh the errors.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exportGguf as exportModel, planGguf } from '../compress/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible } from '../run/index.ts';
import { exportGgufStageConfig } from './config.ts';
import { modelConfigOf } from './model-config.ts';
import { runtimeMemory } from './runtime-memory.ts';

export const exportGguf = defineStage({
  name: 'export-gguf',
  version: 1,
  makes: 'gguf',
  inputs: { model: 'model', text: ['text'] },
  config: exportGgufStageConfig,
  output: 'gguf',
  resumes: false,
  forecast({ config, inputs }) {
    const model = modelConfigOf(inputs.model);
    const { seconds, bytes } = planGguf(model, config.type, config.context);
    // The weights are mapped.
    return { seconds: 1 + seconds, memory: [runtimeMemory(600)], diskBytes: bytes };
  },
  async run({ config, inputs, folder, stream }) {
    const out = join(folder, 'gguf', 'model.gguf');
    mkdirSync(join(folder, 'gguf'), { recursive: true });
    const text = inputs.text.flatMap(({ paths }) => paths);
    const result = await interruptible(
      (message) => stream.write(`${message}\n`),
      (pause) =>
        exportModel(
          { ...config, model: inputs.model.path, out, text: [...text] },
          { commit: codeCommit(), onProgress: pause },
        ),
    );
    if (!result) return { interrupted: true };
    const { bytes, plan, gate } = result;
    return {
      metrics: [
        metric('bits per weight', plan.bitsPerWeight),
        metric('bytes', bytes),
        ...(gate
          ? [metric('next-token divergence', gate.meanKl, 'nats'), metric('same likeliest token', gate.top1Agreement)]
          : []),
      ],
    };
  },
});
