// Draws the turns of a conversation. A button says by `data-act` what it does with its turn.
import { show } from './markup.js';
import { alternatives, path } from './tree.js';
import { say, sayNote } from './words.js';

function make(tag, className, ...inside) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...inside);
  return element;
}

/** @param {string} [name] what a sign says to who cannot see it */
export function button(act, text = say(act), name) {
  const made = make('button', 'word', text);
  made.dataset.act = act;
  if (name) made.ariaLabel = made.title = name;
  return made;
}

/** How many tokens, how fast, and how many of the prompt came from the cache. @param {Facts} facts */
function factsRow({ tokens, perSecond, prompt, cached, reason }) {
  const badge = make('span', 'badge', say('cached', cached, prompt));
  badge.title = reason ?? '';
  const rate = perSecond ? ` · ${say('rate', perSecond.toLocaleString('en', { maximumSignificantDigits: 3 }))}` : '';
  return make('span', 'facts', say('tokens', tokens), rate, badge);
}

/** @param {Conversation} conversation */
function article(conversation, at, plain) {
  const turn = conversation.turns[at];
  const answers = turn.role === 'assistant';
  const below = make('div', 'below');
  const made = make('article', turn.role, make('div', 'text'), make('p', 'note'), below);
  made.dataset.turn = at;
  made.ariaLabel = say(answers ? 'answer' : 'you');
  const versions = alternatives(conversation, at);
  const place = `${versions.indexOf(at) + 1}/${versions.length}`;
  if (versions.length > 1)
    below.append(button('earlier', '‹', say('earlier')), place, button('later', '›', say('later')));
  if (turn.facts) below.append(factsRow(turn.facts));
  if (answers) below.append(button(turn.text === '' ? 'retry' : 'again'));
  if (!answers || plain) below.append(button('edit'));
  update(made, turn, plain);
  return made;
}

/** @param {Turn} turn */
export function update(article, turn, plain) {
  const [text, note] = article.children;
  text.dir = 'auto';
  show(text, turn.text, plain);
  note.textContent = turn.note ? sayNote(turn.note) : '';
}

/** @param {Conversation[]} others listed where nothing is said yet */
export function draw(log, conversation, plain, others) {
  // A button that had the keyboard has it afterwards, too.
  /** @type {any} */
  const active = document.activeElement;
  const place = [...log.children].findIndex((child) => child.contains(active));
  const turns = path(conversation);
  log.className = plain ? 'plain' : '';
  log.replaceChildren(...turns.map((at) => article(conversation, at, plain)));
  if (turns.length === 0) {
    const rows = others.map(({ id, turns: [{ text }] }) => {
      const row = make('li', 'row', button('open', text.trim().slice(0, 80)), button('remove', '×', say('remove')));
      row.dataset.id = id;
      return row;
    });
    log.append(make('p', 'greeting', say(plain ? 'begin' : 'greeting')), make('ul', '', ...rows));
  }
  log.children[place]?.querySelector(`[data-act="${active?.dataset.act}"]`)?.focus();
}
