// Livens the pages up: dots that move, figures that count, a click on the plan that fills in a form. All else is HTML.

const EVERY_MS = 2000;
const SVG = 'http://www.w3.org/2000/svg';

function place(dots, layer) {
  const known = new Map([...layer.children].map((dot) => [dot.dataset.id, dot]));
  for (const { id, x, y } of dots) {
    let dot = known.get(id);
    if (!dot) {
      dot = layer.appendChild(document.createElementNS(SVG, 'circle'));
      dot.dataset.id = id;
      dot.setAttribute('r', layer.dataset.r);
    }
    known.delete(id);
    dot.setAttribute('cx', x);
    dot.setAttribute('cy', y);
  }
  known.forEach((dot) => dot.remove());
}

async function follow(url, show) {
  for (;;) {
    await new Promise((after) => setTimeout(after, EVERY_MS));
    if (document.hidden) continue;
    try {
      const answer = await fetch(url);
      if (answer.redirected) return location.reload(); // her session has ended
      if (answer.ok) await show(answer);
    } catch {} // the backend restarts; the next look may find it
  }
}

const plan = document.getElementById('plan');
const people = document.getElementById('people');
if (plan?.dataset.live && people) {
  follow(plan.dataset.live, async (answer) => {
    const { dots } = await answer.json();
    place(dots, document.getElementById('dots'));
    people.textContent = dots.length;
  });
}

const lineage = document.getElementById('lineage');
if (lineage) {
  let shown = '';
  follow(lineage.dataset.live, async (answer) => {
    const html = await answer.text();
    if (html === shown) return; // a button that is about to be pressed stays, and so does the focus
    shown = html;
    const sent = (button) => button?.form && new URLSearchParams(new FormData(button.form)).toString();
    const focused = lineage.contains(document.activeElement) && sent(document.activeElement);
    lineage.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.children);
    if (focused) [...lineage.querySelectorAll('button')].find((button) => sent(button) === focused)?.focus();
  });
}

const picker = document.querySelector('#picker svg');
if (picker && document.getElementById('latitude')) {
  const inputs = [...document.getElementById('latitude').form.elements].filter((each) => 'defaultValue' in each);
  picker.addEventListener('click', async (event) => {
    const typed = document.querySelector('.said.bad') || inputs.some((each) => each.value !== each.defaultValue);
    if (event.target.closest('a')) {
      if (!typed) return; // it opens the product that stands there
      event.preventDefault();
    }
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(picker.getScreenCTM().inverse());
    const store = new URLSearchParams({ store: document.getElementById('which').value, x, y });
    const answer = await fetch('/console/point?' + store);
    if (!answer.ok) return;
    const point = await answer.json();
    document.getElementById('latitude').value = point.latitude;
    document.getElementById('longitude').value = point.longitude;
    if (point.section) document.getElementById('section').value = point.section;
  });
}
