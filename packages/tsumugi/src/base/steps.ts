// Long work as a generator: all of it at once, or step by step with a pause after each, in which signals are heard.

/** Work that comes to `T`. What it yields means nothing; ended early, it cleans up after itself. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all of it now. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Does it with a `pause` after each step. What that throws ends the work. */
export async function inSteps<T>(steps: Steps<T>, pause: (() => Promise<void>) | undefined): Promise<T> {
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await pause?.();
    }
  } finally {
    steps.return(undefined as T); // does nothing after its end
  }
}
