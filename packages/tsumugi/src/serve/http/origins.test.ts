// Which pages and names a server takes requests by, and what it tells browsers of it.
import { describe, expect, it } from 'vitest';
import { checkOrigin, corsHeaders, isLoopback, originRules } from './origins.ts';

it('an address is of this machine alone where only this machine reaches it', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '::1', '[::1]', 'app.localhost'])
    expect(isLoopback(host), host).toBe(true);
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ])
    expect(isLoopback(host), host).toBe(false);
});

describe('a name', () => {
  const takes = (host: string, rules: ReturnType<typeof originRules>): boolean => {
    try {
      checkOrigin({ host }, rules);
      return true;
    } catch {
      return false;
    }
  };

  it('is one of the server: of this machine, of its address, or allowed, however it is written', () => {
    const rules = originRules('127.0.0.2', false, { cors: [], hosts: ['Tsumugi.Local'] });
    for (const host of ['localhost:1', '[::1]:1', '127.0.0.2:8000', 'tsumugi.local', 'TSUMUGI.local:80'])
      expect(takes(host, rules), host).toBe(true);
    for (const host of ['127.0.0.2.evil.example', 'localhost.evil.example', 'tsumugi.local.evil.example', '', 'other'])
      expect(takes(host, rules), host).toBe(false);
  });

  it('may be any where a key is needed, or other machines ask', () => {
    for (const rules of [
      originRules('127.0.0.1', true, { cors: [], hosts: [] }),
      originRules('0.0.0.0', true, { cors: [], hosts: [] }),
    ])
      expect(takes('llm.example', rules)).toBe(true);
  });
});

describe('what a page may read', () => {
  const rules = (...cors: string[]) => ({ cors, hosts: undefined });

  it('is nothing where no origin is allowed', () => {
    expect(corsHeaders('https://chat.example', rules())).toEqual({});
  });

  it('is told to the origins that are allowed, and caches learn that it depends on them', () => {
    const allowed = rules('https://a.example', 'https://b.example');
    expect(corsHeaders('https://b.example', allowed)).toMatchObject({
      vary: 'Origin',
      'access-control-allow-origin': 'https://b.example',
      'access-control-expose-headers': expect.stringMatching(/x-request-id.*x-tsumugi-cached.*retry-after/),
    });
    for (const origin of [undefined, 'https://c.example', 'https://a.example.evil.example'])
      expect(corsHeaders(origin, allowed)).toEqual({ vary: 'Origin' });
  });

  it('is told to all where all are allowed', () => {
    expect(corsHeaders('https://any.example', rules('*'))).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(() => checkOrigin({ host: 'x', origin: 'https://any.example' }, rules('*'))).not.toThrow();
  });
});
