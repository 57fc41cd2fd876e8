/** The element with the id, which must be there and of the class: a page and its script belong together. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** Sets the text if it differs, so that a live region speaks only of changes. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes every [data-copy="id"] button copy the value of the input with that id. */
export function wireCopyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    copyInto(button, () => element(button.dataset['copy'] ?? '', HTMLInputElement));
  }
}

/** Makes the button copy the value of an input. */
export function copyInto(button: HTMLButtonElement, input: () => HTMLInputElement): void {
  const label = button.textContent;
  button.addEventListener('click', async () => {
    button.textContent = (await copy(input())) ? 'Copied' : 'Press Ctrl+C';
    setTimeout(() => {
      button.textContent = label;
    }, 2_000);
  });
}

async function copy(input: HTMLInputElement): Promise<boolean> {
  input.select();
  try {
    // Only secure pages have a clipboard; elsewhere the text stands selected.
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return false;
  }
}
