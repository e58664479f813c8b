// Equity, margin and P&L along a price. Only places on the screen are worked out here.
import { compact, h, live, mark, s } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 260;
const EDGE = { left: 56, right: 28, top: 10, bottom: 24 };

/** Round values between two ends, about five, to label an axis. */
function steps(low, high) {
  const rough = (high - low) / 5 || 1;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * ten).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Lines over a price move, with a cursor that the pointer and the arrow keys move. */
export class Chart {
  constructor() {
    this.at = null;
    this.caption = h("div", { class: "xlm-caption" });
    this.legend = h("div", { class: "xlm-legend" });
    this.said = h("div", { class: "xlm-readout", "aria-live": "polite" });
    this.svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "xlm-chart", "aria-hidden": "true" });
    this.box = live("div", { class: "xlm-chart-box", tabindex: "0", role: "slider", "aria-orientation": "horizontal" }, this.svg);
    this.node = h("div", {}, this.caption, this.legend, this.box, this.said);
    this.box.addEventListener("pointermove", (event) => this.point(event));
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  update(block) {
    this.block = block;
    this.caption.textContent = block.caption;
    const still = block.x.findIndex((move) => move >= 0);
    this.at = this.at === null || this.at >= block.x.length ? Math.max(still, 0) : this.at;
    this.legend.replaceChildren(...block.series.map((one) => h("span", { class: `xlm-key xlm-line-${one.id}` }, one.label)));
    mark(this.box, "aria-label", block.caption);
    mark(this.box, "aria-valuemin", 0);
    mark(this.box, "aria-valuemax", block.x.length - 1);
    this.draw(still);
    this.read();
  }

  scale() {
    const { x, series } = this.block;
    const values = series.flatMap((one) => one.values).filter((value) => value !== null);
    const low = Math.min(0, ...values);
    const high = Math.max(0, ...values);
    const span = high - low || 1;
    const wide = WIDTH - EDGE.left - EDGE.right;
    const tall = HEIGHT - EDGE.top - EDGE.bottom;
    const across = x.at(-1) - x[0] || 1;
    return {
      low,
      high,
      x: (i) => EDGE.left + (wide * (x[i] - x[0])) / across,
      y: (value) => EDGE.top + (tall * (high - value)) / span,
    };
  }

  draw(still) {
    const at = (this.place = this.scale());
    const marks = steps(at.low, at.high).map((value) => s("text", { x: EDGE.left - 6, y: at.y(value) + 4, class: "xlm-tick xlm-left" }, compact(value)));
    const every = Math.max(1, Math.round(this.block.x.length / 6));
    const below = this.block.labels.map((text, i) => (i % every ? null : s("text", { x: at.x(i), y: HEIGHT - 6, class: "xlm-tick" }, text)));
    const zero = s("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: at.y(0), y2: at.y(0), class: "xlm-axis" });
    const now = still < 0 ? null : s("line", { x1: at.x(still), x2: at.x(still), y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: "xlm-now" });
    this.cursor = s("line", { y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: "xlm-cursor" });
    const lines = this.block.series.map((one) => this.line(one));
    this.svg.replaceChildren(...[zero, now, ...marks, ...below, ...lines, this.cursor].filter(Boolean));
  }

  line(one) {
    let path = "";
    let pen = "M";
    one.values.forEach((value, i) => {
      if (value === null) pen = "M";
      else {
        path += `${pen}${this.place.x(i).toFixed(1)},${this.place.y(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return s("path", { d: path, class: `xlm-line xlm-line-${one.id}` });
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const gaps = this.block.x.map((_, i) => Math.abs(this.place.x(i) - x));
    this.at = gaps.indexOf(Math.min(...gaps));
    this.read();
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined) return;
    this.at = Math.max(0, Math.min(this.block.x.length - 1, this.at + step));
    this.read();
    event.preventDefault();
    event.stopPropagation();
  }

  /** Say every line's figure at the cursor. */
  read() {
    const { labels, levels, series } = this.block;
    for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, this.place.x(this.at));
    const price = levels[this.at] ? ` (${levels[this.at]})` : "";
    const words = `${labels[this.at]}${price}: ${series.map((one) => `${one.label} ${one.texts[this.at]}`).join(" · ")}`;
    this.said.textContent = words;
    mark(this.box, "aria-valuenow", this.at);
    mark(this.box, "aria-valuetext", words);
  }
}
