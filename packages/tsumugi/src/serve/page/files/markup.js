// What a model writes is shown as text, never as HTML: paragraphs, and code between fences.

export function blocks(text) {
  /** @type {{ code: boolean, lines: string[] }[]} */
  const found = [];
  let fence = '';
  for (const line of text.split('\n')) {
    const bare = line.trim();
    const opening = /^ {0,3}(```+|~~~+)[^`]*$/.exec(line)?.[1];
    if (fence && bare.startsWith(fence) && bare === bare[0].repeat(bare.length)) {
      fence = '';
      found.push({ code: false, lines: [] });
    } else if (!fence && opening) {
      fence = opening;
      found.push({ code: true, lines: [] });
    } else if ((!fence && bare === '') || found.length === 0) found.push({ code: false, lines: bare ? [line] : [] });
    else found.at(-1)?.lines.push(line);
  }
  return found
    .filter(({ code, lines }) => code || lines.length > 0)
    .map(({ code, lines }) => ({ code, text: lines.join('\n') }));
}

/** Shows a text. What is there already stays, so that a selection survives while more comes. @param {HTMLElement} element */
export function show(element, text, plain) {
  if (/[\u3041-\u30ff]/.test(text)) element.lang = 'ja';
  const parts = plain ? [{ code: false, text }] : blocks(text);
  for (const [i, { code, text }] of parts.entries()) {
    const there = element.children[i];
    if (there?.tagName === (code ? 'PRE' : 'P') && there.textContent === text) continue;
    const made = document.createElement(code ? 'pre' : 'p');
    made.textContent = text;
    if (code) made.tabIndex = 0; // scrolled by keys, too
    if (there) there.replaceWith(made);
    else element.append(made);
  }
  while (element.children.length > parts.length) element.lastElementChild?.remove();
}
