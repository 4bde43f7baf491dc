/** Of the page: sends what is dropped by tus, follows its job, and shows what has become of it. Everything foreign goes in as text. */
export const script = `
const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};
const byId = (id) => document.getElementById(id);
const size = (bytes) => bytes < 1e3 ? bytes + ' bytes' : bytes < 1e6 ? (bytes / 1e3).toFixed(1) + ' kB' : (bytes / 1e6).toFixed(1) + ' MB';
const ends = ['completed', 'failed', 'cancelled', 'expired', 'dead_lettered'];

// The key comes behind the # of the link: no server sees it there, and no history keeps it.
const given = new URLSearchParams(location.hash.slice(1)).get('key');
if (given) {
  sessionStorage.setItem('handoff key', given);
  history.replaceState(null, '', location.pathname);
}
byId('key').value = sessionStorage.getItem('handoff key') ?? '';
byId('key').addEventListener('input', () => sessionStorage.setItem('handoff key', byId('key').value.trim()));
byId('settings').open = byId('key').value === '';
const authorized = () => ({ Authorization: 'Bearer ' + byId('key').value.trim() });

function wantedRequest() {
  try {
    const request = JSON.parse(byId('request').value || '{}');
    byId('request-problem').textContent = '';
    return JSON.stringify(request);
  } catch (error) {
    byId('settings').open = true;
    byId('request-problem').textContent = 'Not valid JSON: ' + error.message;
    return undefined;
  }
}

async function problemOf(text, otherwise) {
  try {
    const { detail, code, errors = [] } = JSON.parse(text);
    return [detail, ...errors.map(({ pointer, detail }) => pointer + ' ' + detail)].join(' ') + ' (' + code + ')';
  } catch {
    return otherwise;
  }
}

function row(file) {
  const bar = element('progress', { max: 1, value: 0 });
  const status = element('p', { role: 'status' });
  const problem = element('p', { className: 'problem', role: 'alert' });
  const [pause, cancel] = [element('button', { type: 'button', textContent: 'Pause' }), element('button', { type: 'button', textContent: 'Cancel' })];
  const result = element('div');
  bar.setAttribute('aria-label', 'Sent of ' + file.name);
  status.setAttribute('role', 'status');
  problem.setAttribute('role', 'alert');
  const head = element('div', { className: 'head' }, element('h2', {}, element('bdi', { textContent: file.name })), element('span', { textContent: size(file.size) }), pause, cancel);
  const item = element('li', {}, head, bar, status, problem, result);
  byId('uploads').prepend(item);
  return { item, bar, status, problem, pause, cancel, result };
}

function send(file) {
  const request = wantedRequest();
  if (request === undefined) return;
  const { item, bar, status, problem, pause, cancel, result } = row(file);
  const upload = new tus.Upload(file, {
    endpoint: '/v1/uploads/tus',
    chunkSize: 8 * 1024 * 1024,
    retryDelays: [0, 1000, 3000, 5000, 10000],
    removeFingerprintOnSuccess: true,
    headers: authorized(),
    metadata: { filename: file.name, filetype: file.type || 'application/octet-stream', request },
    onProgress(sent, total) {
      bar.value = total === 0 ? 1 : sent / total;
      status.textContent = size(sent) + ' of ' + size(total) + ' sent';
    },
    async onError(error) {
      pause.textContent = 'Resume';
      problem.textContent = await problemOf(error.originalResponse?.getBody(), error.message);
      status.textContent = 'Stopped';
    },
    onSuccess({ lastResponse }) {
      pause.remove();
      cancel.remove();
      bar.value = 1;
      follow(lastResponse.getHeader('Handoff-Job')).catch((error) => {
        problem.textContent = error.message;
      });
    },
  });

  async function follow(job) {
    if (!job) throw new Error('The service has not told the job.');
    for (;;) {
      const answer = await fetch(job + '?wait=10', { headers: authorized() });
      const text = await answer.text();
      if (!answer.ok) throw new Error(await problemOf(text, 'The service answers ' + answer.status));
      const { status: state, result: made, error } = JSON.parse(text);
      status.replaceChildren(state + ' ', element('a', { href: job, textContent: job.split('/').pop() }));
      status.querySelector('a').addEventListener('click', async (event) => {
        event.preventDefault();
        window.open(URL.createObjectURL(new Blob([text], { type: 'application/json' })), '_blank', 'noopener');
      });
      if (error) problem.textContent = error.detail + ' (' + error.code + ')';
      if (made) result.replaceChildren(...shown(made));
      if (ends.includes(state)) return;
      problem.textContent = '';
    }
  }

  pause.addEventListener('click', async () => {
    if (pause.textContent === 'Pause') {
      await upload.abort();
      pause.textContent = 'Resume';
      status.textContent = 'Paused at ' + size(Math.round(bar.value * file.size));
    } else {
      pause.textContent = 'Pause';
      problem.textContent = '';
      upload.start();
    }
  });
  cancel.addEventListener('click', async () => {
    await upload.abort(true).catch(() => undefined);
    item.remove();
  });
  upload.findPreviousUploads().then(([previous]) => {
    if (previous) upload.resumeFromPreviousUpload(previous);
    upload.start();
  });
}

function picture({ file, name, width, height, format }) {
  const dimensions = width ? ' ' + width + ' × ' + height : '';
  const about = name + dimensions + ' ' + (format ?? '') + ', ' + size(file.size);
  return element('figure', {}, element('img', { src: file.links.content, alt: name }), element('figcaption', { textContent: about }));
}

function shown({ image, variants = [], document: paper }) {
  const facts = { ...image, ...paper };
  const list = element('dl', { className: 'facts' });
  for (const [name, value] of Object.entries(facts)) {
    if (typeof value === 'object') continue;
    list.append(element('dt', { textContent: name }), element('dd', { textContent: String(value) }));
  }
  return [element('div', { className: 'pictures' }, ...variants.map(picture)), list];
}

byId('files').addEventListener('change', ({ target }) => {
  for (const file of target.files) send(file);
  target.value = '';
});
const drop = byId('drop');
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop'])
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop') for (const file of event.dataTransfer.files) send(file);
  });
`;
