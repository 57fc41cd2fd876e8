import type { Form } from './form';

/** With this many strikes a form is given up. */
const OUT = 2;
/** Playback that lasted this long was a success, in milliseconds. */
export const SUCCESS = 10_000;

/**
 * Remembers which forms did not work for a viewer of one broadcast. A form that did not come up is given up at once,
 * since there are others; one that broke soon gets a second chance, since most often that was the network's fault.
 */
export class Ladder {
  #strikes = new Map<Form, number>();

  /** The first of the forms that is not given up. When all are they begin anew. */
  pick(forms: readonly Form[]): Form {
    const left = forms.find((form) => (this.#strikes.get(form) ?? 0) < OUT);
    if (left !== undefined) return left;
    this.reset();
    return forms[0] ?? 'hls';
  }

  /** Takes note of a form that failed after it had played for `lasted` milliseconds; true when it is given up. */
  fail(form: Form, lasted: number): boolean {
    if (lasted >= SUCCESS) {
      this.#strikes.delete(form);
      return false;
    }
    const strikes = lasted === 0 ? OUT : (this.#strikes.get(form) ?? 0) + 1;
    this.#strikes.set(form, strikes);
    return strikes >= OUT;
  }

  /** Whether one of the forms is left to be tried. */
  left(forms: readonly Form[]): boolean {
    return forms.some((form) => (this.#strikes.get(form) ?? 0) < OUT);
  }

  /** Forgets everything: another broadcast, or another choice. */
  reset(): void {
    this.#strikes.clear();
  }
}
