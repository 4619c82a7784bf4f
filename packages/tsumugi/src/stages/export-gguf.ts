// Stage: a model → a GGUF file for llama.cpp, compared with the model; texts, where there are any, weigh the errors.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exportGguf as exportModel, planGguf } from '../compress/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible } from '../run/index.ts';
import { exportGgufStageConfig } from './config.ts';
import { TINY_TOKENS } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';

export const exportGguf = defineStage({
  name: 'export-gguf',
  version: 1,
  makes: 'gguf',
  inputs: { model: 'model', text: ['text'] },
  config: exportGgufStageConfig,
  output: 'gguf',
  resumes: false,
  dryRun: () => ({ calibrationTokens: 4 * TINY_TOKENS }),
  forecast({ config, inputs }) {
    const model = modelConfigOf(inputs.model);
    const { seconds, memoryBytes, diskBytes } = planGguf(model, config.type, config.context);
    return {
      seconds: 1 + seconds,
      memory: [{ what: 'Node, libtorch, pieces of tensors', bytes: memoryBytes }],
      diskBytes,
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const out = join(folder, 'gguf', 'model.gguf');
    mkdirSync(join(folder, 'gguf'), { recursive: true });
    const text = inputs.text.flatMap(({ paths }) => paths);
    const result = await interruptible(
      (message) => stream.write(`${message}\n`),
      (pause) =>
        exportModel(
          { ...config, model: inputs.model.path, out, text: [...text] },
          { recipe, commit: codeCommit(), onProgress: pause },
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
