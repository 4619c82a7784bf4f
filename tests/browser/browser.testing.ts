// The browser that these tests drive, and a page in it.
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { findBrowser } from './find-browser.ts';

export function launch(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no Chromium; npm run test:browser says how to get one');
  // Chromium's sandbox refuses to work for root.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

/** Opens the page, has a test use it, and looks afterwards whether it complained or asked anybody but its own server. */
export async function withPage(
  browser: Browser,
  url: string,
  use: (page: Page) => Promise<void>,
  options: BrowserContextOptions & { failures?: boolean } = {},
): Promise<void> {
  const { failures = false, ...context } = options;
  const open = await browser.newContext({ locale: 'en-US', viewport: { width: 1100, height: 800 }, ...context });
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  try {
    const page = await open.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // Chromium says so of every answer that is an error, which some tests are about.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !(failures && isAnswer)) complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) elsewhere.push(request.url());
    });
    await page.goto(url);
    await use(page);
    expect(complaints, 'complaints in the console').toEqual([]);
    expect(elsewhere, 'requests elsewhere').toEqual([]);
  } finally {
    await open.close();
  }
}
