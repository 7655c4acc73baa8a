/**
 * The script of a report page; the page is complete without it. It shows the words of the mark nearest to the pointer,
 * and fades the other models while a legend entry is pointed at, focused or pressed.
 */
export const PAGE_SCRIPT = `
(() => {
  const tip = document.getElementById('tip');
  const hide = () => { tip.hidden = true; };
  const show = (event) => {
    const marks = [...event.currentTarget.querySelectorAll('[aria-label]')];
    let best, distance = 24;
    for (const mark of marks) {
      const box = mark.getBoundingClientRect();
      if (box.width === 0) continue;
      const away = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
      if (away < distance) { distance = away; best = { mark, box }; }
    }
    if (!best) return hide();
    tip.textContent = best.mark.getAttribute('aria-label');
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const above = best.box.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(8, Math.min(room, best.box.x + best.box.width / 2 - tip.offsetWidth / 2)) + scrollX + 'px';
    tip.style.top = (above > 0 ? above : best.box.bottom + 8) + scrollY + 'px';
  };
  for (const chart of document.querySelectorAll('figure svg.marks')) {
    chart.addEventListener('pointermove', show);
    chart.addEventListener('pointerdown', show);
    chart.addEventListener('pointerleave', hide);
  }
  for (const group of document.querySelectorAll('[data-charts]')) {
    let pressed;
    const focus = (index) => {
      if (index === undefined) delete group.dataset.focus;
      else group.dataset.focus = index;
    };
    const buttons = [...group.querySelectorAll('.legend button')];
    for (const button of buttons) {
      const index = button.dataset.series;
      const leave = () => focus(pressed);
      button.addEventListener('pointerenter', (event) => { if (event.pointerType === 'mouse') focus(index); });
      button.addEventListener('pointerleave', leave);
      button.addEventListener('click', () => {
        pressed = pressed === index ? undefined : index;
        for (const other of buttons) other.setAttribute('aria-pressed', String(other.dataset.series === pressed));
        focus(pressed);
      });
    }
  }
  addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
  addEventListener('beforeprint', () => { for (const part of document.querySelectorAll('details')) part.open = true; });
})();
`;
