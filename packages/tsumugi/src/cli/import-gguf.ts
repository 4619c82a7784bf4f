// `tsumugi export --format hf` of a GGUF file.
import { signalExitCode } from '../base/index.ts';
import { importGguf, importGgufConfig, planImportGguf } from '../compress/index.ts';
import { formatBytes } from '../run/index.ts';
import { type Io, write } from './io.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppable } from './stoppable.ts';

export async function importFromGguf(
  options: { model: string; out: string; plan: boolean; json: boolean },
  io: Io,
): Promise<number> {
  const config = importGgufConfig.parse({ model: options.model, out: options.out });
  if (options.plan) {
    const plan = planImportGguf(config.model);
    const text = `${plan.tensors} tensors, ${formatBytes(plan.bytes)} of disk in float32\n`;
    await write(io.stdout, options.json ? `${JSON.stringify(plan)}\n` : text);
    return 0;
  }
  using line = new ProgressLine(io.stderr, 'import');
  const onTensor = (done: number, total: number) => line.update(done / total);
  const made = await stoppable(io, [line], nothingWritten, (pause) => importGguf(config, { onTensor, pause }));
  if (!made) return signalExitCode();
  const { folder, tensors } = made;
  await write(
    io.stdout,
    options.json ? `${JSON.stringify({ folder, tensors })}\n` : `${tensors} tensors in float32 → ${folder}\n`,
  );
  return 0;
}
