import { expect, it } from 'vitest';
import { layerLimit, layersOf } from './layers';

it('offers three layers, the smallest first, the largest of the whole size and bitrate', () => {
  expect(layersOf(2_500_000)).toEqual([
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 250_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 750_000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
  ]);
});

it('limits the only encoding to the whole bitrate', () => {
  expect(layerLimit(undefined, 800_000)).toBe(800_000);
  expect(layerLimit('q', 800_000)).toBe(80_000);
});
