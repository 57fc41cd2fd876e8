import type { StreamName } from '../sdk/address';
import { FORMS, type Choice } from '../sdk/form';

/** What the studio's link says; a part that it lacks is empty. */
export interface StudioLink extends StreamName {
  usersig: string;
  /** The signature of an address for publishing, in the place of a token. */
  sign: string;
}

/** Reads "#room=…&stream=…&usersig=…", or with sign=… in its place. What proves something stands in the fragment because browsers do not send that to servers. */
export function parseStudioLink(hash: string): StudioLink {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    room: fields.get('room') ?? '',
    stream: fields.get('stream') ?? '',
    usersig: fields.get('usersig') ?? '',
    sign: fields.get('sign') ?? '',
  };
}

/** Reads "/watch/{room}/{stream}"; null when it is something else. */
export function parseWatchPath(pathname: string): StreamName | null {
  const parts = /^\/watch\/([^/]+)\/([^/]+)\/?$/.exec(pathname);
  if (parts === null) return null;
  try {
    return { room: decodeURIComponent(parts[1] ?? ''), stream: decodeURIComponent(parts[2] ?? '') };
  } catch {
    // A percent sign that begins no escape.
    return null;
  }
}

/** The choice of that name; null when there is none. */
export function parseChoice(name: string | null): Choice | null {
  return [...FORMS, 'auto' as const].find((choice) => choice === name) ?? null;
}

/** Reads the choice out of "?form=hls"; null when there is none that we know. */
export function choiceIn(search: string): Choice | null {
  return parseChoice(new URLSearchParams(search).get('form'));
}

/** The query of the same page with the choice in it, everything else kept. */
export function withChoice(search: string, choice: Choice): string {
  const fields = new URLSearchParams(search);
  fields.set('form', choice);
  return `?${fields.toString()}`;
}
