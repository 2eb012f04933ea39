/** Plots as SVG that is readable on light and on dark ground: no ground of its own, middle tones. */

export interface Series {
  name: string;
  points: readonly (readonly [number, number])[];
}

export interface Plot {
  title: string;
  x: { label: string; max: number };
  y: { label: string; max: number; format?: (value: number) => string };
  series: readonly Series[];
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 16;
const TOP = 56;
const BOTTOM = 44;
const INK = '#808890';
/** Told apart by who sees no colours too: each has its own dashes. */
const STROKES = [
  { colour: '#2f81f7', dash: '' },
  { colour: '#d9822b', dash: '6 3' },
  { colour: '#3fa34d', dash: '2 3' },
  { colour: '#b05ad1', dash: '8 3 2 3' },
];

export function renderPlot({ title, x, y, series }: Plot): string {
  const across = (value: number): number => LEFT + (value / x.max) * (WIDTH - LEFT - RIGHT);
  const down = (value: number): number =>
    HEIGHT - BOTTOM - (Math.min(value, y.max) / y.max) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  const text = (atX: number, atY: number, what: string, anchor = 'middle', size = 12): void => {
    parts.push(
      `<text x="${round(atX)}" y="${round(atY)}" text-anchor="${anchor}" font-size="${size}">${escape(what)}</text>`,
    );
  };
  const line = (x1: number, y1: number, x2: number, y2: number, opacity: number): void => {
    parts.push(
      `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${INK}" stroke-opacity="${opacity}"/>`,
    );
  };
  text(LEFT, 18, title, 'start', 14);
  for (let i = 0; i <= 4; i++) {
    const value = (y.max * i) / 4;
    line(LEFT, down(value), WIDTH - RIGHT, down(value), i === 0 ? 1 : 0.3);
    text(LEFT - 6, down(value) + 4, y.format?.(value) ?? String(value), 'end');
  }
  const steps = x.max % 6 === 0 ? 6 : 5;
  for (let i = 0; i <= steps; i++) {
    const value = (x.max * i) / steps;
    text(across(value), HEIGHT - BOTTOM + 18, String(Number(value.toFixed(1))));
  }
  text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.label);
  text(LEFT, 36, y.label, 'start', 11);
  series.forEach(({ name, points }, i) => {
    const { colour, dash } = STROKES[i % STROKES.length] ?? { colour: INK, dash: '' };
    const path = points.map(
      ([px, py], at) => `${at === 0 ? 'M' : 'L'}${round(across(px))} ${round(down(py))}`,
    );
    parts.push(
      `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>`,
    );
    const atX = WIDTH - RIGHT - 190 * (series.length - i) + 40;
    parts.push(
      `<line x1="${atX - 34}" y1="32" x2="${atX - 6}" y2="32" stroke="${colour}" stroke-width="2"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>`,
    );
    text(atX, 36, name, 'start', 11);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}" font-family="sans-serif" fill="${INK}">\n${parts.join('\n')}\n</svg>\n`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
