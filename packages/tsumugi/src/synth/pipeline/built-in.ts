// The steps that are there: prompts in Japanese, with what they read and write. All wording is ours.

export type Reading = 'text' | 'list' | 'number';

/** How a model is asked for one thing. */
export interface BuiltIn {
  readonly summary: string;
  readonly system?: string;
  readonly prompt: string;
  readonly read: Reading;
  /** The field that it writes. */
  readonly into: string;
  /** Values of variables that the row need not have; a step's own `with` goes before them. */
  readonly with?: Readonly<Record<string, string>>;
  readonly temperature: number;
  /** Least and greatest number. */
  readonly min?: number;
  readonly max?: number;
}

const only = '前置きや説明は書かず、';

export const builtIns: Readonly<Record<string, BuiltIn>> = {
  generate: {
    summary: 'a text about a topic',
    prompt: `次の話題について、{{form}}を日本語で書いてください。${only}本文だけを書いてください。\n\n話題：{{topic}}`,
    read: 'text',
    into: 'text',
    with: { form: '具体的で分かりやすい文章' },
    temperature: 1,
  },
  rewrite: {
    summary: 'a text in other words, its meaning kept',
    prompt: `次の文章を、意味を変えずに{{style}}に書き直してください。${only}書き直した文章だけを書いてください。\n\n{{text}}`,
    read: 'text',
    into: 'rewritten',
    with: { style: '自然で読みやすい日本語' },
    temperature: 0.7,
  },
  translate: {
    summary: 'a text in another language',
    prompt: `次の文章を{{to}}に翻訳してください。${only}訳文だけを書いてください。\n\n{{text}}`,
    read: 'text',
    into: 'translation',
    with: { to: '日本語' },
    temperature: 0,
  },
  question: {
    summary: 'questions that a document answers, each a row of its own',
    prompt: `次の文書を読んで、文書だけから答えられる質問を{{count}}個、日本語で作ってください。質問は、文書を見ていない人にも意味が分かるように書いてください。${only}一行に一つずつ、質問だけを書いてください。\n\n文書：\n{{text}}`,
    read: 'list',
    into: 'question',
    with: { count: '3' },
    temperature: 0.7,
  },
  answer: {
    summary: 'the answer to a question, from the document',
    prompt: `次の文書だけをもとに、質問に日本語で答えてください。${only}答えだけを、完全な文で書いてください。\n\n文書：\n{{text}}\n\n質問：{{question}}`,
    read: 'text',
    into: 'answer',
    temperature: 0,
  },
  respond: {
    summary: 'the answer to a question, without a document',
    prompt: '{{question}}',
    read: 'text',
    into: 'answer',
    temperature: 0.7,
  },
  critique: {
    summary: 'what is wrong with an answer',
    prompt:
      '次の質問への回答を批評してください。誤り、足りない点、分かりにくい点を、直し方とともに日本語で短く書いてください。\n\n質問：{{question}}\n\n回答：{{answer}}',
    read: 'text',
    into: 'critique',
    temperature: 0,
  },
  revise: {
    summary: 'the answer, mended as a critique says',
    prompt: `次の質問への回答を、批評に従って書き直してください。${only}書き直した回答だけを日本語で書いてください。\n\n質問：{{question}}\n\n回答：{{answer}}\n\n批評：{{critique}}`,
    read: 'text',
    into: 'revised',
    temperature: 0,
  },
  score: {
    summary: 'how good an answer is, from 1 to 5',
    prompt:
      '次の質問への回答を、正確さ、分かりやすさ、質問に答えているかの三点から、1（悪い）から5（とても良い）の整数で採点してください。点数の数字だけを書いてください。\n\n質問：{{question}}\n\n回答：{{answer}}',
    read: 'number',
    into: 'score',
    temperature: 0,
    min: 1,
    max: 5,
  },
};

/** Names that stand for several steps, one after the other. */
export const sequences: Readonly<Record<string, readonly string[]>> = {
  'critique-and-revise': ['critique', 'revise'],
};
