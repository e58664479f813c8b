// Blocks as Python sends them, each drawn by its own class and changed in place while its kind stays.
import { h } from "./dom.js";
import { Chart } from "./chart.js";
import { Fields } from "./fields.js";
import { Figures } from "./figures.js";
import { Grid } from "./grid.js";
import { Heatmap } from "./heatmap.js";
import { Ledger } from "./ledger.js";
import { Choices, Notes, Table, Text } from "./parts.js";

const KINDS = { chart: Chart, choices: Choices, fields: Fields, figures: Figures, heatmap: Heatmap, notes: Notes, table: Table, text: Text, tree: Ledger };

/** A drawing of one block. */
export function draw(link, block) {
  if (block.kind === "grid") return new Grid(link, block);
  const drawing = new KINDS[block.kind](link);
  drawing.update(block);
  return drawing;
}

/** A column of blocks; one whose kind stays in its place is kept, with its focus and what is open in it. */
export class Blocks {
  constructor(link) {
    this.link = link;
    this.shown = [];
    this.place = null;
    this.node = h("div", { class: "xlm-blocks" });
  }

  update(place, blocks) {
    const kept = place === this.place ? this.shown : [];
    this.place = place;
    this.shown = blocks.map((block, i) => this.one(block, kept[i]));
    for (const old of [...this.node.children]) if (!this.shown.some((one) => one.node === old)) old.remove();
    this.shown.forEach((one, i) => this.node.children[i] === one.node || this.node.insertBefore(one.node, this.node.children[i] ?? null));
  }

  one(block, old) {
    const slot = `${block.kind} ${block.sheet ?? block.id ?? ""}`;
    if (old?.slot !== slot) return Object.assign(draw(this.link, block), { slot });
    if (block.kind !== "grid") old.update(block);
    return old;
  }
}
