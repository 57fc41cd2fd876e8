import { expect, it } from 'vitest';
import { FORMS } from './form';
import { Ladder, SUCCESS } from './ladder';

it('goes down one form at a time, and begins anew behind the last', () => {
  const ladder = new Ladder();
  const picked: string[] = [];
  for (let i = 0; i < 4; i++) {
    const form = ladder.pick(FORMS);
    picked.push(form);
    expect(ladder.fail(form, 0)).toBe(true);
    expect(ladder.left(FORMS)).toBe(i % 3 !== 2);
  }
  expect(picked).toEqual(['webrtc', 'flv', 'hls', 'webrtc']);
});

it('gives a form that broke soon a second chance', () => {
  const ladder = new Ladder();
  expect(ladder.fail('webrtc', 100)).toBe(false);
  expect(ladder.pick(FORMS)).toBe('webrtc');
  expect(ladder.fail('webrtc', 100)).toBe(true);
  expect(ladder.pick(FORMS)).toBe('flv');
});

it('stays with what has played', () => {
  const ladder = new Ladder();
  for (let i = 0; i < 10; i++) expect([ladder.fail('webrtc', SUCCESS), ladder.fail('webrtc', 1)]).toEqual([false, false]);
  expect(ladder.pick(FORMS)).toBe('webrtc');
});

it('forgets', () => {
  const ladder = new Ladder();
  ladder.fail('webrtc', 0);
  ladder.reset();
  expect(ladder.pick(FORMS)).toBe('webrtc');
});
