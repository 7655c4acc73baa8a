/**
 * The filter over the tables of a page. A row is shown where it has every word, and is of the model and in the state that are
 * chosen; what a row does not say is no reason to hide it.
 */
export const FILTER_SCRIPT = `
  const bar = document.getElementById('filter');
  const allRows = () => [...document.querySelectorAll('table[data-table]')].flatMap((table) => table.rowsAsWritten ?? []);
  const statesOf = (row) => row.dataset.state?.split('|') ?? [];

  const fits = (row, words) => {
    const { model, setting, state } = row.dataset;
    const text = [model, setting, row.textContent].join(' ').toLowerCase();
    return words.every((word) => text.includes(word)) &&
      (selection.model === '' || (model ?? selection.model) === selection.model) &&
      (selection.state === '' || state === undefined || statesOf(row).includes(selection.state));
  };

  /** The choices that the rows leave, and the chosen one, which a link may name before there is such a row. */
  const fillChoice = (select, all, names) => {
    const chosen = selection[select.name];
    const choices = [...new Set([...names, ...(chosen === '' ? [] : [chosen])])];
    const known = [...select.options].slice(1).map(({ value }) => value);
    if (known.join('|') !== choices.join('|') || select.length === 0) {
      select.replaceChildren(...['', ...choices].map((name) => new Option(name === '' ? all : name, name)));
    }
    select.value = chosen;
    select.parentElement.hidden = choices.length < 2 && chosen === '';
  };

  const showFilter = () => {
    if (!bar) return;
    const { words, model, state } = bar.elements;
    bar.hidden = false;
    if (words.value !== selection.words) words.value = selection.words;
    const rows = allRows();
    fillChoice(model, 'every model', rows.flatMap((row) => row.dataset.model ?? []));
    fillChoice(state, 'any state', rows.flatMap(statesOf).sort());
    const wanted = selection.words.toLowerCase().split(/\\s+/).filter((word) => word !== '');
    const isOn = wanted.length > 0 || selection.model !== '' || selection.state !== '';
    const counts = [];
    for (const table of document.querySelectorAll('table[data-table]')) {
      const all = table.rowsAsWritten ?? [];
      for (const row of all) row.hidden = isOn && !fits(row, wanted);
      const shown = all.filter((row) => !row.hidden).length;
      const { rows: noun } = table.dataset;
      if (noun) counts.push((isOn ? shown + ' of ' : '') + all.length + ' ' + (all.length === 1 ? noun.slice(0, -1) : noun));
    }
    const text = counts.join(', ');
    const output = bar.querySelector('output');
    if (output.textContent !== text) output.textContent = text;
    bar.elements.clear.hidden = !isOn;
  };

  bar?.addEventListener('input', ({ target }) => {
    if (!(target.name in selection)) return;
    selection[target.name] = target.value;
    showFilter();
    saveSelection();
  });
  bar?.addEventListener('submit', (event) => event.preventDefault());
  bar?.elements.clear.addEventListener('click', () => {
    for (const key of ['words', 'model', 'state']) selection[key] = '';
    showFilter();
    saveSelection();
    bar.elements.words.focus();
  });
`;
