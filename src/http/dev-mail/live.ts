/** The only script: looks for new mail, as long as somebody can see the page, and puts the new list in the place of the old one. */
export const liveScript = `
const every = 2000;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const [list, next] = [document, fresh].map((of) => of.getElementById('messages'));
  if (!list || !next || list.innerHTML === next.innerHTML) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  list.replaceWith(document.adoptNode(next));
  document.title = fresh.title;
  document.getElementById('count').textContent = fresh.getElementById('count').textContent;
  if (focused) document.querySelector('#messages a[href="' + CSS.escape(focused) + '"]')?.focus();
}

setInterval(() => look().catch(() => undefined), every);
`;
