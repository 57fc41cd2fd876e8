const LONGEST_MESSAGE = 300;
/** The longest pause that a server can ask for, in milliseconds. */
const LONGEST_PAUSE = 60_000;

/** A request that the server refused: its application/problem+json (RFC 9457) as an Error. */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** The HTTP status. */
  readonly status: number;
  /** The stable name of the reason; empty when the server gave none. */
  readonly code: string;
  /** In how many milliseconds the server wants to be asked again; null when it did not say. */
  readonly retryAfter: number | null;

  constructor(message: string, status: number, code: string, retryAfter: number | null = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** True when asking again with the same request cannot help: a 4xx that does not mean "later". */
  get final(): boolean {
    return this.retryAfter === null && this.status >= 400 && this.status < 500 && ![408, 409, 425, 429].includes(this.status);
  }
}

/** Reads the reason out of a response that is not ok. It never throws: a body that says nothing leaves the status. */
export async function problemOf(response: Response): Promise<Problem> {
  const body = await response.text().catch(() => '');
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), Date.now());
  return parseProblem(body, response.headers.get('content-type') ?? '', response.status, response.statusText, retryAfter);
}

/** Reads a Retry-After (RFC 9110 10.2.3), seconds or a date, into milliseconds from `now`; null when there is none. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  // What is no date by its look would still be one to Date.parse, "-1" for example.
  if (value === null || !/^(\d+$|[A-Z][a-z]{2}, )/.test(value)) return null;
  const pause = /^\d/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isNaN(pause) ? null : Math.min(LONGEST_PAUSE, Math.max(0, pause));
}

/** The pure part of problemOf. */
export function parseProblem(body: string, contentType: string, status: number, statusText: string, retryAfter: number | null = null): Problem {
  const fallback = `the server answered ${status}${statusText === '' ? '' : ` ${statusText}`}`;
  if (!/^application\/(problem\+)?json\b/i.test(contentType)) {
    return new Problem(fallback, status, '', retryAfter);
  }
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    return new Problem(fallback, status, '', retryAfter);
  }
  const text = (key: string): string => {
    const value = (fields as Record<string, unknown> | null)?.[key];
    return typeof value === 'string' ? value.trim().slice(0, LONGEST_MESSAGE) : '';
  };
  return new Problem(text('detail') || text('title') || fallback, status, text('code'), retryAfter);
}

/** One line for people about anything that was thrown. */
export function reasonOf(thrown: unknown): string {
  // fetch reports every failure to get an answer as a TypeError with a text that differs by browser.
  if (thrown instanceof TypeError) return 'the server cannot be reached';
  return thrown instanceof Error ? thrown.message : String(thrown);
}
