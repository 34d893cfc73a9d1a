// The page is read without this. It sorts and filters tables, and lays heat maps over their images.
(() => {
  'use strict';

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };

  const compare = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };

  const sortable = table => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const name = head.textContent.trim();
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-label', `Sort by ${name}`);
      head.append(button);
      button.addEventListener('click', () => {
        const direction = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
        heads.forEach(h => h.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', direction);
        const sign = direction === 'ascending' ? 1 : -1;
        const isMissing = row => head.dataset.kind === 'number' && column > 0 && row.cells[column].dataset.v === undefined;
        const rows = [...body.rows].map(row => ({ row, value: valueOf(row, column), missing: isMissing(row) }));
        // What has no number stays at the end.
        rows.sort((a, b) => a.missing - b.missing || sign * compare(a.value, b.value));
        body.append(...rows.map(r => r.row));
      });
    });
  };

  const filterable = part => {
    const filters = part.querySelector('.filters');
    const rows = [...part.querySelectorAll('tbody tr')];
    // A few rows are seen at a glance.
    if (rows.length < 6) return;
    const search = filters.querySelector('input');
    const select = filters.querySelector('select');
    const output = filters.querySelector('output');
    const subject = [...part.querySelectorAll('thead th')].findIndex(h => h.textContent.trim() === 'Subject');
    const texts = rows.map(row => row.textContent.toLocaleLowerCase());
    const apply = () => {
      const words = search.value.toLocaleLowerCase().split(/\s+/).filter(w => w);
      let shown = 0;
      rows.forEach((row, i) => {
        const fits = words.every(w => texts[i].includes(w)) && (!select || !select.value || row.cells[subject].textContent === select.value);
        row.hidden = !fits;
        shown += fits;
      });
      output.textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
    };
    search.addEventListener('input', apply);
    if (select) select.addEventListener('change', apply);
    filters.hidden = false;
    apply();
  };

  // The image stands before its map: it is laid under the map, and a slider uncovers it.
  const sliding = pane => {
    const under = pane.previousElementSibling.querySelector('img');
    const stack = pane.querySelector('.stack');
    const map = stack.querySelector('img');
    stack.style.backgroundImage = `url(${under.src})`;
    const label = document.createElement('label');
    label.className = 'slide';
    const [from, to] = ['image', 'map'].map(text => Object.assign(document.createElement('span'), { textContent: text }));
    const range = Object.assign(document.createElement('input'), { type: 'range', min: 0, max: 100, step: 5, value: 100 });
    range.setAttribute('aria-label', `Share of the heat map over the image: ${map.alt}`);
    range.addEventListener('input', () => { map.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`; });
    label.append(from, range, to);
    pane.append(label);
  };

  const enlargeable = figure => {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'enlarge', textContent: 'Enlarge' });
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', () => {
      const large = figure.classList.toggle('large');
      button.setAttribute('aria-pressed', String(large));
      button.textContent = large ? 'Reduce' : 'Enlarge';
    });
    figure.append(button);
  };

  document.querySelectorAll('.table').forEach(filterable);
  document.querySelectorAll('.table table').forEach(sortable);
  document.querySelectorAll('.pane.map').forEach(sliding);
  document.querySelectorAll('.figure').forEach(enlargeable);
})();
