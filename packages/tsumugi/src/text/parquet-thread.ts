// The thread that reads a Parquet file: it answers each message with the next row group, or with what went wrong.
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../base/index.ts';
import { type ParquetGroup, parquetGroups, parquetTexts } from './parquet-groups.ts';

export type ParquetAnswer =
  | ParquetGroup<string | Record<string, unknown>>
  | { done: true }
  | { refused: { code: string; message: string; remedy: string | undefined; fields: Record<string, unknown> } }
  | { failed: string };

const { file, wanted } = workerData as { file: string; wanted: string | readonly string[] };
const groups: AsyncGenerator<ParquetGroup<string | Record<string, unknown>>> =
  typeof wanted === 'string' ? parquetTexts(file, wanted) : parquetGroups(file, wanted);

async function next(): Promise<ParquetAnswer> {
  try {
    const { value, done } = await groups.next();
    return done ? { done: true } : value;
  } catch (error) {
    if (!(error instanceof UserError)) return { failed: String(error) };
    const { code, fault, remedy, fields } = error;
    return { refused: { code, message: fault, remedy, fields } };
  }
}

parentPort!.on('message', async () => parentPort!.postMessage(await next()));
