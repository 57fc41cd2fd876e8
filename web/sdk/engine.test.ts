import { describe, expect, it } from 'vitest';
import { formFor, type Form } from './engine';

describe('formFor', () => {
  const cases: [Form, string[], Form][] = [
    ['flv', ['h264', 'opus'], 'flv'],
    ['flv', ['av1', 'opus'], 'flv'],
    ['flv', ['h265'], 'flv'],
    ['flv', ['vp9', 'opus'], 'hls'],
    ['hls', ['vp9'], 'hls'],
    ['flv', [], 'flv'],
  ];
  for (const [wanted, codecs, form] of cases) {
    it(`${wanted} of ${codecs.join(' and ') || 'what is not known'} is ${form}`, () => expect(formFor(wanted, codecs)).toBe(form));
  }
});
