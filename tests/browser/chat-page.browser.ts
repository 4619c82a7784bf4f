// The chat page in a real browser, against a server that answers as each test wants.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { launch, withPage } from './browser.testing.ts';
import { FakeServer, type Reply } from './fake-server.ts';

let browser: Browser;
let server: FakeServer;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

type Options = BrowserContextOptions & { failures?: boolean };
const use = (test: (page: Page) => Promise<void>, options?: Options) => withPage(browser, server.url, test, options);

const message = (page: Page) => page.locator('#message');
const answers = (page: Page) => page.locator('article.assistant');
const turns = (page: Page) => page.locator('article .text').allInnerTexts();
const act = (page: Page, name: string) => page.locator(`[data-act="${name}"]`);

/** Gates that a test opens one after the other. */
function gates(count: number) {
  const made = Array.from({ length: count }, () => Promise.withResolvers<void>());
  return { gate: (i: number) => made[i]!.promise, open: (i: number) => made[i]!.resolve() };
}

/** Sends a message and waits until the answer has ended. */
async function say(page: Page, text: string): Promise<void> {
  await message(page).fill(text);
  await message(page).press('Enter');
  await page.locator('#send').waitFor();
}

/** Opens the panel and fills fields, by their ids. */
async function set(page: Page, fields: Record<string, string>): Promise<void> {
  await page.locator('#open').click();
  for (const [id, value] of Object.entries(fields)) {
    if (id === 'mode') await page.locator('#mode').selectOption(value);
    else await page.locator(`#${id}`).fill(value);
  }
  await page.keyboard.press('Escape');
}

it('shows an answer while it comes, and is ready for the next message', () =>
  use(async (page) => {
    const { gate, open } = gates(2);
    server.replies = [{ pieces: ['One', ' two'], gate }, { pieces: ['Three'] }];
    await message(page).fill('Count');
    await message(page).press('Enter');
    await page.locator('#stop').waitFor();
    open(0);
    await expect.poll(() => answers(page).innerText()).toBe('One');
    open(1);
    await page.locator('#send').waitFor();
    await say(page, 'Go on');
    expect(await turns(page)).toEqual(['Count', 'One two', 'Go on', 'Three']);
    expect(server.asked.map(({ path }) => path)).toEqual(['/v1/chat/completions', '/v1/chat/completions']);
    expect(server.asked[1]!.body.messages).toEqual([
      { role: 'user', content: 'Count' },
      { role: 'assistant', content: 'One two' },
      { role: 'user', content: 'Go on' },
    ]);
  }));

it('keeps what came when it is stopped, and tells the server by hanging up', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['A beginning'], after: 'hang' }];
    await message(page).fill('Write');
    await message(page).press('Enter');
    await expect.poll(() => answers(page).innerText()).toContain('A beginning');
    await page.locator('#stop').click();
    await page.locator('#send').waitFor();
    expect(await answers(page).locator('.note').innerText()).toBe('Stopped.');
    expect(await turns(page)).toEqual(['Write', 'A beginning']);
    await expect.poll(() => server.givenUp).toBe(1);
  }));

it('answers anew beside the first answer, and goes back and forth between the two', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['first'] }, { pieces: ['second'] }, { pieces: ['third'] }];
    await say(page, 'Question');
    await act(page, 'again').click();
    await expect.poll(() => turns(page)).toEqual(['Question', 'second']);
    expect(server.asked[1]!.body.messages).toEqual(server.asked[0]!.body.messages);
    expect(await page.locator('.below').last().innerText()).toContain('2/2');
    await act(page, 'earlier').press('Enter');
    expect(await turns(page)).toEqual(['Question', 'first']);
    // The keyboard stays on the button.
    await page.keyboard.press('Enter');
    expect(await turns(page)).toEqual(['Question', 'second']);
    await act(page, 'later').click();
    await say(page, 'More');
    expect(server.asked[2]!.body.messages[1].content).toBe('first');
  }));

it('goes on from an edited message, and keeps the branch that it was', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['a1'] }, { pieces: ['a2'] }, { pieces: ['b1'] }];
    await say(page, 'one');
    await say(page, 'two');
    await message(page).fill('a draft');
    await act(page, 'edit').first().click();
    expect(await message(page).inputValue()).toBe('one');
    await message(page).press('Escape');
    expect(await message(page).inputValue()).toBe('a draft');
    await act(page, 'edit').first().click();
    await say(page, 'ONE');
    expect(await turns(page)).toEqual(['ONE', 'b1']);
    expect(server.asked[2]!.body.messages).toEqual([{ role: 'user', content: 'ONE' }]);
    await act(page, 'earlier').click();
    expect(await turns(page)).toEqual(['one', 'a1', 'two', 'a2']);
  }));

it('leaves Enter to an input method while it composes', () =>
  use(async (page) => {
    await message(page).focus();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Input.imeSetComposition', { text: 'にほんご', selectionStart: 4, selectionEnd: 4 });
    expect(await message(page).inputValue()).toBe('にほんご');
    await page.keyboard.press('Enter');
    await devtools.send('Input.insertText', { text: '日本語' });
    expect(server.asked).toEqual([]);
    // Safari: the composition is over, and only the code says that the key was the input method's.
    await page.evaluate(
      `document.getElementById('message').dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))`,
    );
    await page.waitForTimeout(200);
    expect(server.asked).toEqual([]);
    await message(page).press('Shift+Enter');
    await message(page).pressSequentially('です');
    await message(page).press('Enter');
    await expect.poll(() => server.asked.length).toBe(1);
    expect(server.asked[0]!.body.messages[0].content).toMatch(/日本語\nです$/);
  }));

it('sends what the settings say, and nothing of what is left empty', () =>
  use(async (page) => {
    server.models = [{ id: 'tiny' }, { id: 'large' }];
    await page.reload();
    await say(page, 'plain');
    expect(Object.keys(server.asked[0]!.body).sort()).toEqual(['messages', 'model', 'stream', 'stream_options']);
    expect(server.asked[0]!.body).toMatchObject({
      model: 'tiny',
      stream: true,
      stream_options: { include_usage: true },
    });
    await set(page, { temperature: '0.7', top_p: '0.9', max_tokens: '64', seed: '0', system: 'Be brief.' });
    await page.locator('#model').selectOption('large');
    await page.reload();
    await say(page, 'set');
    const { messages, ...rest } = server.asked[1]!.body;
    expect(rest).toMatchObject({ model: 'large', temperature: 0.7, top_p: 0.9, max_tokens: 64, seed: 0 });
    expect(messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    // What a field may not hold is shown there and not sent.
    await set(page, { temperature: '9' });
    await message(page).fill('hot');
    await message(page).press('Enter');
    await page.locator('dialog[open] #temperature:invalid').waitFor();
    expect(server.asked.length).toBe(2);
    expect(await message(page).inputValue()).toBe('hot');
  }));

it('says how many tokens there were, how fast, and how many came from the cache', () =>
  use(async (page) => {
    const details = { cached_tokens: 96, cached_reason: 'the rest is new' };
    const usage = { prompt_tokens: 130, completion_tokens: 3, total_tokens: 133, prompt_tokens_details: details };
    server.replies = [{ pieces: ['a', 'b', 'c'], pause: 1000, usage }];
    await say(page, 'Count');
    const facts = await page.locator('.facts').innerText();
    expect(facts).toMatch(/^3 tokens · [\d.]+ tokens\/s\s*96 of 130 cached$/);
    expect(await page.locator('.badge').getAttribute('title')).toBe('the rest is new');
    // Two tokens after the first in two seconds: some margin for a busy machine.
    expect(Number(/([\d.]+) tokens\/s/.exec(facts)![1])).toBeLessThan(11);
  }));

it('asks for a key where the server wants one, and forgets it with the tab', () =>
  use(
    async (page) => {
      server.key = 'secret';
      await page.reload();
      await page.locator('dialog[open] #key:focus').waitFor();
      expect(await page.locator('#trouble').innerText()).toContain('The server wants an API key');
      await page.keyboard.type('secret');
      await page.keyboard.press('Escape');
      await page.locator('#model').waitFor();
      expect(await page.locator('#trouble').innerText()).toBe('');
      await say(page, 'Hi');
      expect(server.asked[0]!.authorization).toBe('Bearer secret');
      expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain('secret');
      await page.reload();
      await say(page, 'Again');
      expect(server.asked[1]!.authorization).toBe('Bearer secret');
      const other = await page.context().newPage();
      await other.goto(server.url);
      await other.locator('dialog[open] #key:focus').waitFor();
    },
    { failures: true },
  ));

it('keeps conversations across reloads, also one that was being answered, and lets them be deleted', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['kept'] }, { pieces: ['half'], after: 'hang' }];
    await say(page, 'first');
    await message(page).fill('second');
    await message(page).press('Enter');
    await expect.poll(() => answers(page).last().innerText()).toContain('half');
    await page.reload();
    expect(await turns(page)).toEqual(['first', 'kept', 'second', 'half']);
    expect(await answers(page).last().locator('.note').innerText()).toBe('Stopped.');
    await page.locator('#new').click();
    expect(await turns(page)).toEqual([]);
    await message(page).fill('only begun');
    await page.reload();
    expect(await message(page).inputValue()).toBe('only begun');
    expect(await act(page, 'open').getAttribute('aria-label')).toBe(null);
    expect(await act(page, 'open').innerText()).toBe('first');
    await act(page, 'open').click();
    expect(await turns(page)).toEqual(['first', 'kept', 'second', 'half']);
    await page.locator('#new').click();
    page.on('dialog', (dialog) => dialog.accept());
    await act(page, 'remove').click();
    expect(await act(page, 'open').count()).toBe(0);
    await page.reload();
    expect(await act(page, 'open').count()).toBe(0);
    expect(await page.evaluate(`Object.keys(localStorage).filter((name) => name.includes('.chat.'))`)).toEqual([]);
  }));

const failures: [Reply, string][] = [
  [
    { status: 400, message: 'n is 0, expected 1 or more' },
    'The server did not accept this.\nn is 0, expected 1 or more',
  ],
  [
    { status: 429, message: 'the queue is full', headers: { 'retry-after': '7' } },
    'The server is busy.\nTry again in 7 s.\nthe queue is full',
  ],
  [{ status: 503 }, 'The server is busy.'],
  [{ status: 500 }, 'Something went wrong in the server.'],
  [{ pieces: [] }, 'The answer is empty.'],
  [{ pieces: ['a'], finish: 'length' }, 'The limit of tokens was reached.'],
  [{ pieces: ['a'], after: 'cut' }, 'The connection was cut before the answer ended.'],
];
it('leaves an edit where the branch is left that it is in', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['a1'] }, { pieces: ['a2'] }, { pieces: ['b1'] }, { pieces: ['b2'] }];
    await say(page, 'one');
    await say(page, 'two');
    await act(page, 'again').first().click();
    await expect.poll(() => turns(page)).toEqual(['one', 'b1']);
    await act(page, 'earlier').click();
    await act(page, 'edit').last().click();
    await act(page, 'later').click();
    expect(await page.locator('#editing').isVisible()).toBe(false);
    expect(await message(page).inputValue()).toBe('');
    await say(page, 'new');
    expect(await turns(page)).toEqual(['one', 'b1', 'new', 'b2']);
  }));

it('keeps the part of an answer that a new conversation leaves, and writes nothing of it there', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['a part'], after: 'hang' }, { pieces: ['other'] }];
    await message(page).fill('first');
    await message(page).press('Enter');
    await expect.poll(() => answers(page).innerText()).toContain('a part');
    await page.locator('#new').click();
    await say(page, 'second');
    expect(await turns(page)).toEqual(['second', 'other']);
    await expect.poll(() => server.givenUp).toBe(1);
    await page.locator('#new').click();
    expect(await act(page, 'open').allInnerTexts()).toEqual(['second', 'first']);
    await act(page, 'open').last().click();
    expect(await turns(page)).toEqual(['first', 'a part']);
  }));

it('goes on showing an answer while settings are changed', () =>
  use(async (page) => {
    const { gate, open } = gates(3);
    server.replies = [{ pieces: ['One', ' two', ' three'], gate }];
    await message(page).fill('Count');
    await message(page).press('Enter');
    open(0);
    await expect.poll(() => answers(page).innerText()).toBe('One');
    await set(page, { seed: '7' });
    expect(await answers(page).innerText()).toBe('One');
    open(1);
    await expect.poll(() => answers(page).innerText()).toBe('One two');
    open(2);
    await page.locator('#send').waitFor();
    expect(await turns(page)).toEqual(['Count', 'One two three']);
  }));

it('works on where the browser has no room or no store, and says so', () =>
  use(async (page) => {
    await page.addInitScript(
      `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };`,
    );
    await page.reload();
    await say(page, 'Hi');
    expect(await turns(page)).toEqual(['Hi', 'Hello']);
    expect(await page.locator('#trouble').innerText()).toBe('This browser has no room to keep the conversation.');
  }));

it('begins anew where what was kept is damaged', () =>
  use(async (page) => {
    await page.evaluate(`for (const [name, text] of Object.entries({
      'tsumugi.chat.a': '{"id":"a","turns":[]}', 'tsumugi.chat.b': '5', 'tsumugi.chat.c': '{"turns"', 'tsumugi.open': '"a"',
      'tsumugi.settings': '[1]', 'tsumugi.model': '{}' })) localStorage.setItem(name, text)`);
    await page.reload();
    expect(await act(page, 'open').count()).toBe(0);
    await say(page, 'Hi');
    expect(await turns(page)).toEqual(['Hi', 'Hello']);
  }));

it('asks again for a key that no header can hold', () =>
  use(async (page) => {
    await set(page, { key: 'キー' });
    await say(page, 'Hi');
    expect(await page.locator('.note').last().innerText()).toContain('The server wants an API key that it knows');
    expect(server.asked).toEqual([]);
  }));

it.each(failures)('says in a sentence what went wrong: %j', (reply, sentence) =>
  use(
    async (page) => {
      server.replies = [reply, { pieces: ['fine'] }];
      await say(page, 'Question');
      expect(await answers(page).locator('.note').innerText()).toContain(sentence);
      const isThere = (reply.pieces ?? []).length > 0;
      await act(page, isThere ? 'again' : 'retry').click();
      await expect.poll(() => turns(page)).toEqual(['Question', 'fine']);
      expect(await page.locator('.below').last().innerText()).not.toContain('/3');
    },
    { failures: true },
  ),
);

it('says that the server is away, and finds it when it is back', () =>
  use(
    async (page) => {
      await page.route('**/v1/**', (route) => route.abort('connectionrefused'));
      await page.reload();
      await expect.poll(() => page.locator('#trouble').innerText()).toContain('The server does not answer.');
      await message(page).fill('Hello?');
      await message(page).press('Enter');
      await page.waitForTimeout(200);
      expect(await message(page).inputValue()).toBe('Hello?');
      await page.unroute('**/v1/**');
      await act(page, 'retry').click();
      await expect.poll(() => page.locator('#trouble').innerText()).toBe('');
      await message(page).press('Enter');
      await expect.poll(() => turns(page)).toEqual(['Hello?', 'Hello']);
    },
    { failures: true },
  ));

it('writes on with models that have no chat template', () =>
  use(async (page) => {
    server.models = [{ id: 'base', chat_template: false }];
    server.replies = [{ pieces: ['あるところに'] }, { pieces: ['、おじいさんが'] }];
    await page.reload();
    await page.locator('#message[placeholder="How does the text begin?"]').waitFor();
    expect(await page.locator('#system').isVisible()).toBe(false);
    await say(page, 'むかしむかし、');
    expect(server.asked[0]).toMatchObject({ path: '/v1/completions', body: { prompt: 'むかしむかし、' } });
    // With nothing to add the model goes on from where it was.
    await message(page).press('Enter');
    await expect.poll(() => server.asked.length).toBe(2);
    expect(server.asked[1]!.body.prompt).toBe('むかしむかし、あるところに');
    await expect.poll(() => turns(page)).toEqual(['むかしむかし、', 'あるところに', '、おじいさんが']);
  }));

it('has any model write on where the settings say so, and one without a template only that', () =>
  use(async (page) => {
    server.models = [
      { id: 'chat', chat_template: true },
      { id: 'base', chat_template: false },
    ];
    await page.reload();
    await set(page, { system: 'Be brief.', mode: 'text' });
    await say(page, 'Once ');
    expect(server.asked[0]).toMatchObject({ path: '/v1/completions', body: { model: 'chat', prompt: 'Once ' } });
    await set(page, { mode: 'chat' });
    await say(page, 'And then?');
    expect(server.asked[1]!.body.messages.map(({ role }: { role: string }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'user',
    ]);
    await page.locator('#model').selectOption('base');
    await page.locator('#open').click();
    expect(await page.locator('#mode').isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await say(page, ' So');
    expect(server.asked[2]).toMatchObject({
      path: '/v1/completions',
      body: { prompt: 'Once HelloAnd then?Hello So' },
    });
  }));

it('is dark where the system is', () =>
  use(async (page) => {
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await background()).toBe('rgb(246, 245, 242)');
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).toBe('rgb(20, 23, 27)');
  }));

it('shows what is written as text: nothing of it runs or is loaded', () =>
  use(async (page) => {
    const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script><a href="javascript:hit=1">x</a>';
    server.replies = [{ pieces: [`${evil}\n\n\`\`\`html\n`, `${evil}\n\`\`\`\n\nend`] }];
    await say(page, evil);
    expect(await page.locator('article.user .text').innerText()).toBe(evil);
    expect(await answers(page).locator('.text > *').allInnerTexts()).toEqual([evil, evil, 'end']);
    expect(await page.locator('article :is(img, script, a)').count()).toBe(0);
    expect(await page.locator('article pre').innerText()).toBe(evil);
    expect(await page.evaluate('window.hit')).toBe(undefined);
  }));

it('speaks Japanese to whose browser does', () =>
  use(
    async (page) => {
      await page.locator('#message[placeholder="メッセージを入力"]').waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('ja');
      expect(await page.locator('#send').getAttribute('aria-label')).toBe('送信');
    },
    { locale: 'ja-JP' },
  ));

it('takes Enter for a new line on a touch screen, where the button sends', () =>
  use(
    async (page) => {
      await message(page).tap();
      await page.keyboard.type('a');
      await page.keyboard.press('Enter');
      await page.keyboard.type('b');
      await page.locator('#send').tap();
      await expect.poll(() => server.asked.length).toBe(1);
      expect(server.asked[0]!.body.messages[0].content).toBe('a\nb');
      // Nothing is wider than the screen.
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    },
    { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true },
  ));

it('follows the end of an answer, but not who reads further up', () =>
  use(async (page) => {
    const { gate, open } = gates(60);
    server.replies = [{ pieces: Array.from({ length: 60 }, (_, i) => `line ${i}\n\n`), gate }];
    await message(page).fill('Long');
    await message(page).press('Enter');
    for (let i = 0; i < 40; i++) open(i);
    await expect.poll(() => answers(page).innerText()).toContain('line 39');
    const distance = () => page.evaluate<number>('document.documentElement.scrollHeight - scrollY - innerHeight');
    await expect.poll(distance).toBeLessThan(60);
    await page.evaluate('scrollTo(0, 0)');
    for (let i = 40; i < 60; i++) open(i);
    await page.locator('#send').waitFor();
    expect(await answers(page).innerText()).toContain('line 59');
    expect(await page.evaluate('scrollY')).toBe(0);
  }));

it('gives every button and field a name, and says an answer to who cannot see', () =>
  use(async (page) => {
    server.replies = [{ pieces: ['Forty', '-two'] }];
    await say(page, 'What?');
    await expect.poll(() => page.locator('#status').innerText()).toContain('Answer: Forty-two');
    await page.locator('#open').click();
    const unnamed = await page.evaluate(
      `[...document.querySelectorAll('button, input, select, textarea')]
        .filter((one) => !one.ariaLabel && !one.innerText.trim() && !one.labels?.[0]?.innerText.trim())
        .map((one) => one.outerHTML)`,
    );
    expect(unnamed).toEqual([]);
  }));
