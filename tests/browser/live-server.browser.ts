// The chat page on the server itself, with tiny models: what the server sends is what the page reads.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { liveServerOfFile, startLive } from '../../packages/tsumugi/src/serve/serve.testing.ts';
import { launch, withPage } from './browser.testing.ts';

let browser: Browser;
const live = liveServerOfFile();
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const turns = (page: Page) => page.locator('article .text').allInnerTexts();

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#message').fill(text);
  await page.locator('#message').press('Enter');
  await page.locator('#stop').waitFor({ state: 'hidden' });
}

async function choose(page: Page, model: string, maxTokens: number): Promise<void> {
  await page.locator('#model').selectOption(model);
  await page.locator('#open').click();
  await page.locator('#temperature').fill('0');
  await page.locator('#max_tokens').fill(String(maxTokens));
  await page.keyboard.press('Escape');
}

it('shows what a model answers; asked again, how much of the question came from the cache', () =>
  withPage(browser, `${live.server.url}/`, async (page) => {
    await choose(page, 'chat', 12);
    await say(page, '吾輩は猫である。名前はまだ無い。');
    const messages = [{ role: 'user', content: '吾輩は猫である。名前はまだ無い。' }];
    const request = { model: 'chat', messages, temperature: 0, max_tokens: 12 };
    const { body } = await live.server.post('/v1/chat/completions', request);
    const { content } = body.choices[0].message;
    expect(await page.locator('article.assistant .text').textContent()).toBe(content.replaceAll(/\s*\n\s*\n\s*/g, ''));
    expect(await page.locator('.note').last().innerText()).toBe('The limit of tokens was reached.');
    expect(await page.locator('.facts').innerText()).toContain('12 tokens');
    await page.locator('[data-act="again"]').click();
    await page.locator('article.assistant .facts').waitFor();
    const [, cached, prompt] = /(\d+) of (\d+) cached/.exec(await page.locator('.facts').last().innerText())!;
    expect(Number(cached)).toBeGreaterThan(10);
    expect(Number(prompt)).toBe(body.usage.prompt_tokens);
  }));

it('has a model without a template write on', () =>
  withPage(browser, `${live.server.url}/`, async (page) => {
    await choose(page, 'tiny', 8);
    await say(page, '吾輩は猫で');
    const request = { model: 'tiny', prompt: '吾輩は猫で', temperature: 0, max_tokens: 8 };
    const { body } = await live.server.post('/v1/completions', request);
    expect(await page.locator('article.assistant .text').textContent()).toBe(body.choices[0].text);
    await say(page, '');
    expect((await turns(page)).length).toBe(3);
  }));

it('stops an answer on the server, too', () =>
  withPage(browser, `${live.server.url}/`, async (page) => {
    await choose(page, 'chat', 4000);
    await page.locator('#message').fill('長い話を');
    await page.locator('#message').press('Enter');
    await page.locator('article.assistant .text > *').first().waitFor();
    await page.locator('#stop').click();
    expect(await page.locator('.note').last().innerText()).toBe('Stopped.');
    const running = async () =>
      (await (await live.server.ask('/metrics')).text()).match(/^vllm:num_requests_running.* (\d+)$/m)?.[1];
    await expect.poll(running, { timeout: 20_000 }).toBe('0');
  }));

it('is told in the words of the server what it does not take', () =>
  withPage(
    browser,
    `${live.server.url}/`,
    async (page) => {
      await choose(page, 'chat', 10_000_000);
      await say(page, 'とても長く');
      expect(await page.locator('.note').last().innerText()).toMatch(/^The server did not accept this\.\n.*max_tokens/);
    },
    { failures: true },
  ));

it('opens with the key that the browser asks for', async () => {
  const models = [{ name: 'chat', folder: live.folders.chat }];
  const server = await startLive({ models, keys: ['secret'] });
  try {
    expect((await server.ask('/')).status).toBe(401);
    expect((await server.ask('/page/main.js')).status).toBe(401);
    await withPage(
      browser,
      `${server.url}/`,
      async (page) => {
        await choose(page, 'chat', 4);
        await say(page, '猫');
        expect(await page.locator('.facts').innerText()).toContain('4 tokens');
      },
      { httpCredentials: { username: 'anyone', password: 'secret' } },
    );
  } finally {
    await server.close();
  }
});
