// How long to wait, in every spelling that services use.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { waitAsked } from './openai-wait.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-28T10:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([
  [{ 'retry-after': '7' }, '', 7],
  [{ 'retry-after': '0.25' }, '', 0.25],
  [{ 'retry-after': 'Sat, 28 Nov 2026 10:01:30 GMT' }, '', 90],
  [{ 'retry-after': 'Sat, 28 Nov 2026 09:00:00 GMT' }, '', 0],
  [{ 'retry-after': 'soon' }, '', undefined],
  [{ 'retry-after': 'soon' }, 'try again in 3s', 3],
  [{ 'retry-after-ms': '1500' }, '', 1.5],
  [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 'try again in 20s', 1.5],
  [{ 'retry-after': '9' }, 'try again in 20s', 9],
  [{}, 'Rate limit reached. Please try again in 20s.', 20],
  [{}, 'Please try again in 1.5s. Visit …', 1.5],
  [{}, 'Please try again in 150ms.', 0.15],
  [{}, 'Please try again in 1m2.5s.', 62.5],
  [{}, 'Please Try Again In 12m0s', 720],
  [{}, 'try again later', undefined],
  [{}, '', undefined],
])('%j and %j ask for %s seconds', (headers, message, seconds) => {
  expect(waitAsked(headers, message)).toBe(seconds);
});
