/**
 * A page that follows its runs: told by the server that there is something new, it fetches itself and takes over the parts of
 * \`main\` that have changed. What the reader has unfolded, scrolled, focused and selected stays. While it is hidden it asks for nothing.
 */
export const LIVE_SCRIPT = `
  const note = document.getElementById('live');
  const say = (state, text) => {
    note.dataset.state = state;
    note.lastElementChild.setAttribute('aria-live', state === 'off' ? 'polite' : 'off');
    note.lastElementChild.textContent = text;
  };
  const time = () => new Date().toLocaleTimeString();
  let shownAt = time();
  document.documentElement.style.overflowAnchor = 'none'; // what is looked at is kept in place below

  /** The parts of a page by name, and as they were sent. */
  const partsOf = (page) => {
    const parts = new Map();
    for (const element of page.querySelector('main').children) {
      const title = element.tagName === 'HEADER' ? '' : element.querySelector('h2, summary')?.textContent ?? '';
      const name = element.id || [element.tagName, title].join(' ');
      let key = name;
      for (let count = 2; parts.has(key); count++) key = name + ' ' + count;
      parts.set(key, { element, sent: element.outerHTML });
    }
    return parts;
  };

  /** What a reader has done to a part, done to the one that takes its place. */
  const carryOver = (old, now) => {
    const folds = new Map([...old.querySelectorAll('details')].map((fold) => [nameOfFold(fold), fold.open]));
    for (const fold of now.querySelectorAll('details')) fold.open = folds.get(nameOfFold(fold)) ?? fold.open;
    const scrolled = [...old.querySelectorAll('.scroll')].map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
    const { activeElement: focused } = document;
    const same = old.contains(focused) && [...now.querySelectorAll(focused.tagName)]
      .find((element) => element.textContent === focused.textContent);
    return () => {
      for (const [index, scroll] of [...now.querySelectorAll('.scroll')].entries()) Object.assign(scroll, scrolled[index]);
      if (same) same.focus({ preventScroll: true });
    };
  };

  let parts, waiting;
  const isMarked = (element) => {
    const marked = getSelection();
    return marked !== null && !marked.isCollapsed && element.contains(marked.anchorNode);
  };
  /** A page as it was sent: its style sheet apart, which the policy of this page would not let a document have. */
  const parse = (text) => {
    const sheet = new CSSStyleSheet();
    const markup = text.replace(/<style>([^]*?)<\\/style>/, (_, rules) => {
      sheet.replaceSync(rules);
      return '';
    });
    return { page: new DOMParser().parseFromString(markup, 'text/html'), sheet };
  };
  const takeOver = (sent) => {
    const { page, sheet } = sent;
    const main = document.querySelector('main');
    const fresh = partsOf(page);
    const top = ({ element }) => element.getBoundingClientRect().top;
    // The filter stays at the top wherever one is.
    const looked = [...parts].find(([key, { element }]) =>
      key !== 'filter' && fresh.has(key) && element.getBoundingClientRect().bottom > 0);
    const before = looked && top(looked[1]);
    document.adoptedStyleSheets = [sheet];
    document.querySelector('head style')?.remove();
    document.title = page.title;
    note.dataset.version = page.getElementById('live').dataset.version;
    waiting = undefined;
    const taken = new Map();
    const after = [];
    for (const [key, part] of fresh) {
      const old = parts.get(key);
      if (old && isMarked(old.element)) waiting = sent; // text is marked in it: later
      if (old && (old.sent === part.sent || isMarked(old.element))) taken.set(key, old);
      else {
        const element = document.importNode(part.element, true);
        enhance(element);
        if (old) after.push(carryOver(old.element, element));
        taken.set(key, { element, sent: part.sent });
      }
    }
    const kept = new Set([...taken.values()].map(({ element }) => element));
    for (const { element } of parts.values()) if (!kept.has(element)) element.remove();
    let place = main.firstElementChild;
    for (const { element } of taken.values()) {
      if (element === place) place = place.nextElementSibling;
      else main.insertBefore(element, place);
    }
    parts = taken;
    hideTip();
    showSelection();
    for (const act of after) act();
    if (looked) scrollBy(0, top(taken.get(looked[0])) - before);
  };

  let busy = false, again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname, { cache: 'no-store' });
      if (!answer.ok) throw new Error(await answer.text());
      takeOver(parse(await answer.text()));
      shownAt = time();
      say('on', 'Refreshed at ' + shownAt + '.');
    } catch (error) {
      say('off', 'Could not be refreshed: ' + error.message);
    }
    busy = false;
    if (again) { again = false; refresh(); }
  };
  document.addEventListener('selectionchange', () => {
    if (waiting && getSelection()?.isCollapsed) takeOver(waiting);
  });

  let events;
  const connect = () => {
    events = new EventSource('/events');
    events.addEventListener('page', ({ data }) => {
      if (note.dataset.version !== data) refresh();
      else if (note.dataset.state !== 'on') say('on', 'Up to date at ' + time() + '.');
    });
    events.addEventListener('heard', ({ data }) => {
      const words = JSON.parse(data);
      for (const cell of document.querySelectorAll('[data-heard]')) {
        const text = words[cell.dataset.heard];
        if (text !== undefined && cell.textContent !== text) cell.textContent = text;
      }
    });
    events.addEventListener('trouble', ({ data }) => say('off', data));
    events.addEventListener('error', () => say('off', 'The command does not answer; this is the page of ' + shownAt + '.'));
  };
  const follow = (begin) => {
    parts = begin;
    connect();
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) events.close();
      else connect();
    });
  };
`;
