import type { StreamName } from '../sdk/address';
import type { Form } from '../sdk/engine';

/** What the studio's link says; a part that it lacks is empty. */
export interface StudioLink extends StreamName {
  usersig: string;
}

/** Reads "#room=…&stream=…&usersig=…". The token stands in the fragment because browsers do not send that to servers. */
export function parseStudioLink(hash: string): StudioLink {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    room: fields.get('room') ?? '',
    stream: fields.get('stream') ?? '',
    usersig: fields.get('usersig') ?? '',
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

/** Reads the form out of "?form=hls"; null when there is none that we know. */
export function parseForm(search: string): Form | null {
  const form = new URLSearchParams(search).get('form');
  return form === 'flv' || form === 'hls' ? form : null;
}

/** The query of the same page with the form in it, everything else kept. */
export function withForm(search: string, form: Form): string {
  const fields = new URLSearchParams(search);
  fields.set('form', form);
  return `?${fields.toString()}`;
}
