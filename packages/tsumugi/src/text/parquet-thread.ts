// The thread that reads a Parquet file: it answers each message with the next row group, or with what went wrong.
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../base/index.ts';
import { parquetGroups } from './parquet-groups.ts';

export type ParquetAnswer =
  | { texts: string[]; share: number }
  | { done: true }
  | { refused: { code: string; message: string; remedy: string | undefined; fields: Record<string, unknown> } }
  | { failed: string };

const { file, field } = workerData as { file: string; field: string };
const groups = parquetGroups(file, field);

async function next(): Promise<ParquetAnswer> {
  try {
    const { value, done } = await groups.next();
    return done ? { done: true } : value;
  } catch (error) {
    if (!(error instanceof UserError)) return { failed: String(error) };
    const { code, remedy, fields } = error;
    return { refused: { code, message: error.message.split('\n  → ')[0]!, remedy, fields } };
  }
}

parentPort!.on('message', async () => parentPort!.postMessage(await next()));
