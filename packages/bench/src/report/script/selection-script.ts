/**
 * What a reader has selected: words, model and state of the filter, the series that is not faded, the order of tables, what is
 * unfolded. It stands in the page's address behind `#`, so that a copied link opens the same view.
 */
export const SELECTION_SCRIPT = `
  const selection = { words: '', model: '', state: '', series: '', sorts: new Map(), open: new Set() };
  /** False where the address names a place on the page, not a selection. */
  const readSelection = () => {
    const hash = location.hash.slice(1);
    if (hash !== '' && !hash.includes('=')) return false;
    const link = new URLSearchParams(hash);
    for (const key of ['words', 'model', 'state', 'series']) selection[key] = link.get(key) ?? '';
    selection.open = new Set(link.getAll('open'));
    selection.sorts = new Map();
    for (const text of link.getAll('sort')) {
      const [table, column, order] = text.split('~');
      if (order === 'ascending' || order === 'descending') selection.sorts.set(table, { column, order });
    }
    return true;
  };
  const saveSelection = () => {
    const link = new URLSearchParams();
    for (const key of ['words', 'model', 'state', 'series']) if (selection[key] !== '') link.set(key, selection[key]);
    for (const [table, { column, order }] of selection.sorts) link.append('sort', [table, column, order].join('~'));
    for (const fold of selection.open) link.append('open', fold);
    const text = link.toString();
    history.replaceState(null, '', text === '' ? location.pathname + location.search : '#' + text);
  };
  /** By the heading that it stands under: the same words may be folded in several places. */
  const nameOfFold = (fold) => {
    const heading = fold.closest('section')?.querySelector('h2')?.textContent ?? '';
    return [heading, fold.querySelector('summary')?.textContent ?? ''].join(' / ');
  };
  const openFolds = () => {
    if (selection.open.size === 0) return;
    for (const fold of document.querySelectorAll('main details')) if (selection.open.has(nameOfFold(fold))) fold.open = true;
  };
  let printing = false;
  document.addEventListener('toggle', ({ target }) => {
    if (target.tagName !== 'DETAILS' || printing) return;
    const name = nameOfFold(target);
    const isOpened = target.open && target.dataset.begins !== 'open';
    if (isOpened === selection.open.has(name)) return;
    if (isOpened) selection.open.add(name);
    else selection.open.delete(name);
    saveSelection();
  }, true);
  addEventListener('beforeprint', () => {
    printing = true;
    for (const fold of document.querySelectorAll('details')) fold.open = true;
  });
  addEventListener('afterprint', () => setTimeout(() => { printing = false; }, 0));
`;
