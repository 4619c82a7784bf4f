// The shapes that the page's scripts hand each other. They are not served.

/** What to say below a turn: a sentence of words.js, and what the server says itself. */
interface Note {
  key: string;
  detail?: string;
  seconds?: number;
}

interface Facts {
  tokens: number;
  perSecond?: number;
  prompt: number;
  cached: number;
  /** Why not more came from the cache. */
  reason?: string | undefined;
}

interface Turn {
  parent: number;
  role: 'user' | 'assistant';
  text: string;
  note?: Note | undefined;
  facts?: Facts;
}

interface Conversation {
  id: string;
  turns: Turn[];
  /** Parent → the child on the path that is shown; the root is -1. */
  shown: Record<number, number>;
}

interface Usage {
  completion_tokens?: number;
  prompt_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number; cached_reason?: string };
}

/** What an answer's event holds. */
interface Piece {
  choices?: { delta?: { content?: string }; text?: string; finish_reason?: string }[];
  usage?: Usage;
  error?: { message: string };
}

interface Model {
  id: string;
  chat_template?: boolean;
}
