/* global document, getComputedStyle, NodeFilter */
/** What a page shows: words that are too pale for those behind them, and whether it is wider than its window. */
export function look(least) {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [red, green, blue] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    if (!element) return '#ffffff';
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] > 0 ? color : behind(element.parentElement);
  };
  const pale = [];
  let words = '';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent.trim();
    if (text === '' || element.getClientRects().length === 0) continue;
    words += `${text}\n`;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < least) pale.push([text, contrast]);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  return { pale, words, overflows: scrollWidth > clientWidth };
}
