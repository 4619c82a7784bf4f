// The errors people see. Each carries a stable code, the facts as fields, and a remedy: what to do next.
// A `UserError` is a mistake in what was asked for (exit code 2, one sentence); anything else is a bug (exit code 1).

export interface ErrorDetails {
  /** What to do about it, as an imperative sentence. */
  remedy?: string;
  /** The facts behind the message (paths, shapes, names), for programs. */
  fields?: Record<string, unknown>;
  cause?: unknown;
}

export class TsumugiError extends Error {
  override name = 'TsumugiError';
  readonly code: string;
  /** What is wrong, without the remedy, which ends `message`. */
  readonly fault: string;
  readonly remedy: string | undefined;
  readonly fields: Record<string, unknown>;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(
      details.remedy ? `${message}\n  → ${details.remedy}` : message,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.fault = message;
    this.remedy = details.remedy;
    this.fields = details.fields ?? {};
  }
}

/** A mistake in a request: a missing file, an unknown key, a shape that does not fit. The CLI exits with 2. */
export class UserError extends TsumugiError {
  override name = 'UserError';
}

/** A configuration value that is unknown, missing or out of range. */
export class ConfigError extends UserError {
  override name = 'ConfigError';
}

/** Input data that cannot be read as what it should be: names the file and the row. */
export class DataError extends UserError {
  override name = 'DataError';
}

/** A file whose bytes break its format (safetensors, tokenizer.jsonl, shards). */
export class FormatError extends UserError {
  override name = 'FormatError';
}

/** A checkpoint that does not fit the model, or is incomplete. `fields.path` names the tensor. */
export class CheckpointError extends UserError {
  override name = 'CheckpointError';
}

/** Shapes that do not fit an operation. */
export class ShapeError extends UserError {
  override name = 'ShapeError';
}

/** libtorch refused an operation; `fields` hold the operator and its arguments. */
export class NativeError extends TsumugiError {
  override name = 'NativeError';
}

/** A tensor was used after its scope ended or it was disposed. */
export class DisposedError extends TsumugiError {
  override name = 'DisposedError';
}

/** Programmer's assertion: broken only by a bug in this project. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new TsumugiError('bug', `internal error: ${message}`);
}
