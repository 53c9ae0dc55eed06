/** Relative luminance (WCAG 2.2). @param color such as #146c5c */
function luminanceOf(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1, the same, to 21, black and white (WCAG 2.2, contrast ratio). @param one such as #146c5c */
export function contrastOf(one: string, other: string): number {
  const [darker, lighter] = [luminanceOf(one), luminanceOf(other)].sort((left, right) => left - right) as [
    number,
    number,
  ];
  return (lighter + 0.05) / (darker + 0.05);
}

/** Whether text of any size can be read in these colours (WCAG 2.2, 1.4.3, level AA). */
export function readable(one: string, other: string): boolean {
  return contrastOf(one, other) >= 4.5;
}
