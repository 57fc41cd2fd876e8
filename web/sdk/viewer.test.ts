import { expect, it } from 'vitest';
import { newViewer, withViewer } from './viewer';

it('is a name that the server takes, and another one each time', () => {
  expect(newViewer()).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
  expect(newViewer()).not.toBe(newViewer());
});

it.each([
  ['', 'viewer=me'],
  ['sign=a.b', 'sign=a.b&viewer=me'],
  ['viewer=you&sign=a', 'viewer=you&sign=a'],
  ['sign=a&viewer=you', 'sign=a&viewer=you'],
  ['reviewer=x', 'reviewer=x&viewer=me'],
])('%s becomes %s', (query, want) => expect(withViewer(query, 'me')).toBe(want));
