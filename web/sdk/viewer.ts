const LENGTH = 16; // bytes

/**
 * Makes an id for one viewer: the server counts it once, whatever forms it plays in and however often it comes back.
 * It says nothing about who that is.
 */
export function newViewer(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The query with the viewer in it, unless it names one already. */
export function withViewer(query: string, viewer: string): string {
  if (/(^|&)viewer=/.test(query)) return query;
  return `${query}${query === '' ? '' : '&'}viewer=${viewer}`;
}
