// Levels as colours. Dark to light, the same in both colour schemes, so that the lines over them
// are seen in both; musqa_pipeline/scoring/picture/colours.py has the same stops.

export const STOPS = [[10, 9, 22], [52, 22, 92], [134, 38, 108], [217, 84, 74], [250, 158, 72], [252, 236, 168]];
// Of a difference: the second is louder, equal, the first is louder.
export const DIFFERENCE_STOPS = [[64, 150, 255], [28, 70, 130], [16, 16, 22], [138, 60, 22], [255, 160, 64]];

export function tint(part, stops = STOPS) {
  const place = Math.min(1, Math.max(0, part)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const rest = place - index;
  return stops[index].map((value, i) => Math.round(value + rest * (stops[index + 1][i] - value)));
}

export function css(part, stops = STOPS) {
  return `rgb(${tint(part, stops).join(", ")})`;
}

// A table of `n` colours as ImageData has them, of levels that `partOf` puts between 0 and 1.
export function table(n, partOf, stops = STOPS) {
  const found = new Uint8ClampedArray(4 * n);
  for (let i = 0; i < n; i++) found.set([...tint(partOf(i), stops), 255], 4 * i);
  return new Uint32Array(found.buffer);
}

// The range that is shown of a recording at first: 90 dB, from its loudest cell in steps of five.
export function usualRange(loudest_db) {
  const ceiling = Math.max(-30, Math.ceil(loudest_db / 5) * 5);
  return { floor_db: ceiling - 90, ceiling_db: ceiling };
}
