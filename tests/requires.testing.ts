// What a test needs and a machine may lack: it('…', requires(condition, 'what is missing'), () => …), and describe likewise.
// The reason travels with the test to tests/skips.ts, which prints it.
declare module 'vitest' {
  interface TaskMeta {
    missing?: string;
  }
}

/** Options of a test, or of a group of them, that is skipped unless `condition` holds. */
export const requires = (condition: unknown, missing: string) => (condition ? {} : { skip: true, meta: { missing } });
