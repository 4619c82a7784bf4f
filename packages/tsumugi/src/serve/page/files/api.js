// The server: its models, and answers piece by piece. Addresses are relative, so a proxy may put the page below a path.

/** Something that a person should be told. */
export class Trouble extends Error {
  constructor(key, detail = '', seconds = 0) {
    super(key);
    /** @type {Note} */
    this.note = { key, detail, seconds };
  }
}

const statuses = { 401: 'noKey', 403: 'noKey', 429: 'busy', 503: 'busy' };

async function ask(path, key, init = {}) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...init, headers }).catch((error) => {
    // A key with characters that no header can hold never leaves the page.
    throw error.name === 'AbortError' ? error : new Trouble(/^[ -~]*$/.test(key) ? 'unreachable' : 'noKey');
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({})); // a proxy answers in its own way
  const problem = statuses[response.status] ?? (response.status < 500 ? 'refused' : 'broken');
  throw new Trouble(problem, error?.message, Number(response.headers.get('retry-after')));
}

/** @returns {Promise<Model[]>} */
export async function models(key) {
  const { data } = await (await ask('v1/models', key)).json().catch(() => ({}));
  if (Array.isArray(data)) return data;
  throw new Trouble('broken');
}

/** The data of server-sent events. @returns {AsyncGenerator<string>} */
export async function* events(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // A character, a line, and the two parts of a line's end may come apart.
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {AbortSignal} signal @returns {AsyncGenerator<Piece>} */
export async function* answer(path, request, key, signal) {
  const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
  const response = await ask(path, key, { method: 'POST', body, signal });
  try {
    for await (const data of events(response.body)) {
      if (data === '[DONE]') return;
      const piece = JSON.parse(data);
      if (piece.error) throw new Trouble('broken', piece.error.message);
      yield piece;
    }
  } catch (error) {
    if (signal.aborted || error instanceof Trouble) throw error;
  }
  throw new Trouble('cut');
}
