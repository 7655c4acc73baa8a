/**
 * Tables are put in order by their headings, which become buttons: descending or ascending first, then the other, then as the
 * page has it. Order goes by what a cell shows, so that it can be followed by eye.
 */
export const SORT_SCRIPT = `
  const UNITS = { ms: 1e-3, s: 1, min: 60, h: 3600, K: 1e3, M: 1e6, B: 1e9, T: 1e12, MB: 1e6, GB: 1e9 };
  /** The number that a text begins with, in one unit: 185 of "3 min 5 s"; undefined where it begins with none. */
  const numberOf = (text) => {
    const plain = text.replaceAll(',', '');
    const first = /^(-?\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?)\\s*([A-Za-z]*)/.exec(plain);
    if (!first) return undefined;
    const rest = /^(?:min|h)$/.test(first[2]) ? numberOf(plain.slice(first[0].length).trim()) ?? 0 : 0;
    return first[1] * (UNITS[first[2]] ?? 1) + rest;
  };
  const textOf = (row, column) => (row.cells[column]?.firstChild?.textContent ?? '').trim();
  /** Nothing where words stand in place of a number: "3 failed". */
  const valueOf = (row, column) =>
    row.cells[column]?.classList.contains('whole') ? undefined : numberOf(textOf(row, column));
  const isNumeric = (table, column) =>
    !table.tHead.rows[0].cells[column].classList.contains('left') &&
    table.rowsAsWritten.some((row) => valueOf(row, column) !== undefined);
  const nameOfColumn = (head) => head.dataset.key ?? head.textContent;
  const compareTexts = new Intl.Collator('en', { numeric: true }).compare;

  const sortTable = (table) => {
    if (!table.rowsAsWritten || !table.classList.contains('sortable')) return;
    const sort = selection.sorts.get(table.dataset.table);
    const heads = [...table.tHead.rows[0].cells];
    const column = sort ? heads.findIndex((head) => nameOfColumn(head) === sort.column) : -1;
    for (const [index, head] of heads.entries()) {
      if (index === column) head.setAttribute('aria-sort', sort.order);
      else head.removeAttribute('aria-sort');
    }
    let rows = table.rowsAsWritten;
    if (column >= 0) {
      const numeric = isNumeric(table, column);
      const valued = rows.map((row) => {
        const text = textOf(row, column);
        return { row, value: numeric ? valueOf(row, column) : text === '' || text === '–' ? undefined : text };
      });
      const sign = sort.order === 'ascending' ? 1 : -1;
      const without = valued.filter(({ value }) => value === undefined); // last in either order
      const ordered = valued.filter(({ value }) => value !== undefined).sort((a, b) =>
        sign * (numeric ? a.value - b.value : compareTexts(a.value, b.value)));
      rows = [...ordered, ...without].map(({ row }) => row);
    }
    table.tBodies[0].append(...rows);
  };

  const prepareTable = (table) => {
    table.rowsAsWritten = [...table.tBodies[0].rows];
    if (!table.tHead || table.rowsAsWritten.length < 2) return;
    table.classList.add('sortable');
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const orders = isNumeric(table, column) ? ['descending', 'ascending'] : ['ascending', 'descending'];
        const { table: name } = table.dataset;
        const now = selection.sorts.get(name);
        const order = now?.column === nameOfColumn(head) ? orders[orders.indexOf(now.order) + 1] : orders[0];
        if (order) selection.sorts.set(name, { column: nameOfColumn(head), order });
        else selection.sorts.delete(name);
        sortTable(table);
        saveSelection();
      });
    }
  };
`;
