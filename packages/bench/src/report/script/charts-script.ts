/**
 * The words of the mark nearest to the pointer; the other models fade in every chart that has the series which is chosen, or in
 * one while the pointer or the focus is at its legend.
 */
export const CHARTS_SCRIPT = `
  const tip = document.getElementById('tip');
  const hideTip = () => { tip.hidden = true; };
  const showTip = (event) => {
    const marks = [...event.currentTarget.querySelectorAll('[aria-label]')];
    let best, distance = 24;
    for (const mark of marks) {
      const box = mark.getBoundingClientRect();
      if (box.width === 0) continue;
      const away = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
      if (away < distance) { distance = away; best = { mark, box }; }
    }
    if (!best) return hideTip();
    tip.textContent = best.mark.getAttribute('aria-label');
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const above = best.box.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(8, Math.min(room, best.box.x + best.box.width / 2 - tip.offsetWidth / 2)) + scrollX + 'px';
    tip.style.top = (above > 0 ? above : best.box.bottom + 8) + scrollY + 'px';
  };
  addEventListener('keydown', (event) => { if (event.key === 'Escape') hideTip(); });

  const legendOf = (group) => [...group.querySelectorAll('.legend button')];
  const fade = (group, button) => {
    if (button) group.dataset.focus = button.dataset.series;
    else delete group.dataset.focus;
  };
  const chosenIn = (group) => legendOf(group).find((button) => button.textContent === selection.series);
  const showSeries = () => {
    for (const group of document.querySelectorAll('[data-charts]')) {
      const chosen = chosenIn(group);
      for (const button of legendOf(group)) button.setAttribute('aria-pressed', String(button === chosen));
      fade(group, chosen);
    }
  };
  const prepareCharts = (root) => {
    for (const chart of root.querySelectorAll('figure svg.marks')) {
      chart.addEventListener('pointermove', showTip);
      chart.addEventListener('pointerdown', showTip);
      chart.addEventListener('pointerleave', hideTip);
    }
    for (const button of root.querySelectorAll('[data-charts] .legend button')) {
      const group = button.closest('[data-charts]');
      button.addEventListener('pointerenter', (event) => { if (event.pointerType === 'mouse') fade(group, button); });
      button.addEventListener('pointerleave', () => fade(group, chosenIn(group)));
      button.addEventListener('click', () => {
        selection.series = selection.series === button.textContent ? '' : button.textContent;
        showSeries();
        saveSelection();
      });
    }
  };
`;
