// The page "/address": an administrator makes signed addresses.
import { problemOf, reasonOf } from '../sdk/problem';
import { copyInto, element, setText } from './dom';
import { bodyOf, expiryOf, rowsOf, type Row, type Where } from './generated';

const root = element('root', HTMLElement);
const form = element('wanted', HTMLFormElement);
const dialect = element('dialect', HTMLSelectElement);
const token = element('token', HTMLInputElement);
const app = element('of_app', HTMLInputElement);
const error = element('error', HTMLElement);
const results = element('results', HTMLElement);
const template = element('row', HTMLTemplateElement);
const radios = [...form.querySelectorAll<HTMLInputElement>('input[name="where"]')];

/** A link may bring token and app in its fragment, which is taken out of the address bar, where it could be seen or copied. */
function readLink(): void {
  if (location.hash.length <= 1) return;
  const link = new URLSearchParams(location.hash.slice(1));
  token.value = link.get('usersig') ?? '';
  app.value = link.get('sdkappid') ?? '';
  history.replaceState(null, '', location.pathname + location.search);
}

function where(): Where {
  return radios.some((radio) => radio.checked && radio.value === 'cdn') ? 'cdn' : 'here';
}

/** Shows the fields that count. */
function showFields(): void {
  for (const part of form.querySelectorAll<HTMLElement>('[data-of]')) {
    part.hidden = part.dataset['of'] !== where();
    if (part instanceof HTMLOptionElement) part.disabled = part.hidden;
  }
  if (dialect.selectedOptions[0]?.disabled) dialect.value = 'weir';
  for (const part of form.querySelectorAll<HTMLElement>('[data-dialect]')) {
    part.hidden = part.dataset['dialect'] !== dialect.value;
    // What is hidden must not be looked at: a browser could not show what is wrong with it.
    for (const field of part.querySelectorAll('input')) field.disabled = part.hidden;
  }
}

/** A CDN is most likely to want its cloud's dialect, where nothing else was chosen. */
function changeWhere(): void {
  if (where() === 'cdn' && dialect.value === 'weir') dialect.value = 'tencent';
  showFields();
}

async function make(): Promise<void> {
  root.dataset['state'] = 'asking';
  showError('');
  const values = new Map<string, string>();
  new FormData(form).forEach((value, name) => values.set(name, String(value)));
  try {
    const body = bodyOf(where(), values);
    if (where() === 'cdn' && body['push_host'] === undefined && body['play_host'] === undefined) {
      throw new Error('Enter the domain to push to, the one to play from, or both.');
    }
    const of = app.value.trim() === '' ? '' : `?sdkappid=${encodeURIComponent(app.value.trim())}`;
    const response = await fetch(`/api/v1/addresses${of}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.value.trim()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw await problemOf(response);
    show(await response.json());
    root.dataset['state'] = 'made';
  } catch (thrown) {
    show(null); // what was made before is not what was asked for now
    showError(reasonOf(thrown));
    root.dataset['state'] = 'failed';
  }
  // On a phone the answer stands above the form, out of sight of who has pressed the button.
  element('title', HTMLElement).scrollIntoView({ block: 'nearest' });
}

function show(answer: unknown): void {
  showRows(rowsOf(answer));
  const expires = expiryOf(answer);
  setText(element('expires', HTMLElement), expires === null ? '' : `Good until ${expires.toLocaleString()}`);
}

function showRows(rows: Row[]): void {
  results.replaceChildren(...rows.map(rowElement));
  results.hidden = rows.length === 0;
  element('hint', HTMLElement).hidden = rows.length > 0;
}

function rowElement(row: Row, n: number): Node {
  const node = template.content.firstElementChild?.cloneNode(true) as HTMLElement;
  const [label, input, button] = [node.querySelector('label'), node.querySelector('input'), node.querySelector('button')];
  if (label === null || input === null || button === null) throw new Error('the template of a row is not whole');
  input.id = label.htmlFor = `address-${n}`;
  label.textContent = row.label;
  input.value = row.address;
  // By its own text and the row's, so that "Copied" is heard as well.
  button.id = `copy-${n}`;
  label.id = `label-${n}`;
  button.setAttribute('aria-labelledby', `${button.id} ${label.id}`);
  copyInto(button, () => input);
  return node;
}

function showError(text: string): void {
  setText(error, text);
  error.hidden = text === '';
}

for (const radio of radios) radio.addEventListener('change', changeWhere);
dialect.addEventListener('change', showFields);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void make();
});
readLink();
showFields();
