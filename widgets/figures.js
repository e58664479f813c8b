// The figures on top: tiles, equity against the venue's requirements, and every account of the book.
import { h, mark } from "./dom.js";
import { Table } from "./parts.js";

/** Tiles, gauge and accounts; texts change in place so that a screen reader hears only what moved. */
export class Figures {
  constructor() {
    this.tiles = new Map();
    this.title = h("div", { class: "xlm-figures-title" });
    this.box = h("div", { class: "xlm-tiles", role: "group", "aria-label": "Margin figures" });
    this.gauges = [new Gauge(), new Gauge()];
    this.accounts = new Table();
    this.node = h("div", { class: "xlm-figures" }, this.title, this.box, ...this.gauges.map((one) => one.node), this.accounts.node);
  }

  update(block) {
    this.title.textContent = block.title;
    const wanted = new Set(block.tiles.map((tile) => tile.id));
    for (const [id, tile] of this.tiles) if (!wanted.has(id)) this.drop(id, tile);
    for (const tile of block.tiles) this.show(tile);
    this.gauges.forEach((gauge, i) => gauge.update(block.gauges[i]));
    this.accounts.node.hidden = !block.accounts;
    if (block.accounts) this.accounts.update(block.accounts);
  }

  drop(id, tile) {
    tile.node.remove();
    this.tiles.delete(id);
  }

  show({ id, label, text, detail }) {
    let tile = this.tiles.get(id);
    if (!tile) {
      tile = { value: h("b", {}), detail: h("small", {}) };
      const said = id === "initial" ? { "aria-live": "polite", "aria-atomic": "true" } : {};
      tile.node = h("div", { class: "xlm-tile", "data-figure": id, ...said }, h("span", {}, label), tile.value, tile.detail);
      this.tiles.set(id, tile);
      this.box.append(tile.node);
    }
    tile.value.textContent = text;
    tile.detail.textContent = detail;
  }
}

const NEAR = 0.12;

/** On which side of its line a label stands, so that two near ones do not cover each other. */
function side(marks, n, reach) {
  const near = (other) => Boolean(other) && Math.abs(other.value - marks[n].value) < reach;
  if (near(marks[n + 1]) === near(marks[n - 1])) return null;
  return near(marks[n + 1]) ? "left" : "right";
}

/** A bar with a line at every threshold. Lengths on screen are all that is worked out here. */
class Gauge {
  constructor() {
    this.fill = h("div", { class: "xlm-gauge-fill" });
    this.marks = h("div", { class: "xlm-gauge-marks" });
    this.bar = h("div", { class: "xlm-gauge-bar", role: "meter" }, this.fill, this.marks);
    this.words = h("span", { class: "xlm-gauge-words" });
    this.legend = h("span", { class: "xlm-gauge-legend" });
    this.node = h("div", { class: "xlm-gauge" }, this.bar, h("div", { class: "xlm-gauge-line" }, this.words, this.legend));
  }

  update(gauge) {
    this.node.hidden = !gauge;
    if (!gauge) return;
    const marks = gauge.marks.filter((one) => one.value !== null);
    const last = Math.max(...marks.map((one) => one.value), 0);
    const top = Math.min(Math.max(gauge.value ?? 0, last), 4 * last || 1) * 1.08 || 1;
    const place = (value) => `${Math.max(0, Math.min(100, (100 * value) / top))}%`;
    this.fill.style.width = place(gauge.value ?? 0);
    this.node.dataset.state = gauge.state;
    this.words.textContent = `${gauge.label} ${gauge.text}: ${gauge.words}`;
    this.legend.textContent = marks.map((one) => `${one.label} ${one.text}`).join(" · ");
    const order = [...marks].sort((a, b) => a.value - b.value);
    this.marks.replaceChildren(...order.map((one, n) => this.line(one, place(one.value), side(order, n, NEAR * top))));
    mark(this.bar, "aria-label", gauge.label);
    mark(this.bar, "aria-valuenow", gauge.value ?? 0);
    mark(this.bar, "aria-valuemin", Math.min(0, gauge.value ?? 0));
    mark(this.bar, "aria-valuemax", Math.max(top, gauge.value ?? 0));
    mark(this.bar, "aria-valuetext", `${this.words.textContent}. ${this.legend.textContent}`);
  }

  line(one, left, side) {
    const node = h("i", { title: `${one.label} ${one.text}`, "data-side": side }, h("em", {}, one.label));
    node.style.left = left;
    return node;
  }
}
