// What the page says, in English and Japanese, by the browser's language. `{0}`, `{1}` are filled in.

/** @type {Record<string, [string, string]>} */
export const words = {
  settings: ['Settings', '設定'],
  new: ['New conversation', '新しい会話'],
  model: ['Model', 'モデル'],
  you: ['You', 'あなた'],
  answer: ['Answer', '回答'],
  hint: ['Write a message', 'メッセージを入力'],
  send: ['Send', '送信'],
  stop: ['Stop', '停止'],
  edit: ['Edit', '編集'],
  again: ['Again', '再生成'],
  retry: ['Try again', '再試行'],
  editing: ['Editing', '編集中'],
  cancel: ['Cancel', '取消'],
  close: ['Close', '閉じる'],
  earlier: ['Previous version', '前の版'],
  later: ['Next version', '次の版'],
  remove: ['Delete', '削除'],
  sure: ['Delete “{0}”?', '「{0}」を削除しますか？'],
  mode: ['Mode', '形式'],
  chat: ['Conversation', '会話'],
  text: ['Write on', '続きを書く'],
  system: ['System prompt', 'システムプロンプト'],
  temperature: ['Temperature', '温度'],
  top_p: ['Top-p', 'Top-p'],
  max_tokens: ['Tokens at most', '最大トークン数'],
  seed: ['Seed', 'シード'],
  standard: ['Default', '既定'],
  random: ['Random', 'ランダム'],
  key: ['API key, for this tab only', 'API キー（このタブでのみ有効）'],
  greeting: ['What would you like to ask?', '何を聞いてみますか？'],
  begin: ['How does the text begin?', '文章の書き出しをどうぞ'],
  writing: ['Answering…', '回答中…'],
  tokens: ['{0} tokens', '{0} トークン'],
  rate: ['{0} tokens/s', '{0}/秒'],
  cached: ['{0} of {1} cached', 'キャッシュ {0}/{1}'],
  stopped: ['Stopped.', '停止しました。'],
  length: ['The limit of tokens was reached.', 'トークン数の上限に達しました。'],
  empty: ['The answer is empty.', '回答は空でした。'],
  unreachable: [
    'The server does not answer. Is it running?',
    'サーバーに接続できません。起動しているか確認してください。',
  ],
  cut: ['The connection was cut before the answer ended.', '回答の途中で接続が切れました。'],
  noKey: ['The server wants an API key that it knows: see the settings.', '設定で正しい API キーを入力してください。'],
  busy: ['The server is busy.', 'サーバーが混み合っています。'],
  seconds: ['Try again in {0} s.', '{0} 秒後にもう一度お試しください。'],
  refused: ['The server did not accept this.', 'サーバーが受け付けませんでした。'],
  broken: ['Something went wrong in the server.', 'サーバーで問題が起きました。'],
  noModel: ['The server has no model.', 'サーバーにモデルがありません。'],
  full: ['This browser has no room to keep the conversation.', 'このブラウザーには会話を保存する空きがありません。'],
};

export const language = navigator.language.startsWith('ja') ? 'ja' : 'en';

export const say = (key, ...values) =>
  (words[key]?.[language === 'ja' ? 1 : 0] ?? key).replace(/\{(\d)\}/g, (_, place) => values[place]);

/** @param {Note} note */
export const sayNote = ({ key, detail, seconds }) =>
  [say(key), seconds ? say('seconds', seconds) : '', detail].filter(Boolean).join('\n');

const find = (name) => /** @type {NodeListOf<any>} */ (document.querySelectorAll(`[data-${name}]`));

/** `data-say` is an element's text, `data-label` its name, `data-hint` what an empty field shows. */
export function sayAll() {
  document.documentElement.lang = language;
  const places = { say: 'textContent', label: 'ariaLabel', hint: 'placeholder' };
  for (const [name, property] of Object.entries(places))
    for (const element of find(name)) element[property] = say(element.dataset[name]);
  for (const element of find('label')) element.title = element.ariaLabel;
}
