// `tsumugi export --format hf` of a GGUF file.
import { signalExitCode } from '../base/index.ts';
import { importGguf, importGgufConfig, planImportGguf } from '../compress/index.ts';
import { codeCommit, formatCount } from '../run/index.ts';
import { costRows } from './cost-rows.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppable } from './stoppable.ts';

export async function importFromGguf(
  options: { model: string; out: string; plan: boolean; json: boolean },
  io: Io,
): Promise<number> {
  const { model, out, json } = options;
  if (options.plan) {
    const plan = planImportGguf(model);
    const text = `${plan.tensors} tensors, ${formatCount(plan.parameters)} parameters in float32\n${formatRows(costRows(plan, out))}`;
    await write(io.stdout, json ? `${JSON.stringify({ ...plan, out })}\n` : text);
    return 0;
  }
  using line = new ProgressLine(io.stderr, 'import');
  const onProgress = (done: number, total: number) => line.update(done / total);
  const made = await stoppable(io, [line], nothingWritten, (pause) =>
    importGguf(importGgufConfig.parse({ model, out }), { onProgress, pause, commit: codeCommit() }),
  );
  if (!made) return signalExitCode();
  const { folder, tensors } = made;
  await write(
    io.stdout,
    json ? `${JSON.stringify({ folder, tensors })}\n` : `${tensors} tensors in float32 → ${folder}\n`,
  );
  return 0;
}
