// The tests that mutation testing asks (scripts/mutate.mjs says which).
import { defineConfig } from 'vitest/config';

const { include, exclude } = JSON.parse(process.env['TSUMUGI_MUTATION_TESTS']!) as {
  include: string[];
  exclude: string[];
};

export default defineConfig({
  test: { include, exclude, setupFiles: ['tests/setup.ts'], testTimeout: 60_000 },
});
