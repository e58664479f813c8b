// Blocks as Python sends them, each drawn by its own class and changed in place while its kind stays.
import { h } from "./dom.js";
import { Chart } from "./chart.js";
import { Figures } from "./figures.js";
import { Grid } from "./grid.js";
import { Heatmap } from "./heatmap.js";
import { Ledger } from "./ledger.js";
import { Choices, Notes, Table, Text } from "./parts.js";

const KINDS = { chart: Chart, choices: Choices, figures: Figures, heatmap: Heatmap, notes: Notes, table: Table, text: Text, tree: Ledger };

/** A drawing of one block. */
export function draw(link, block) {
  if (block.kind === "grid") return new Grid(link, block);
  const drawing = new KINDS[block.kind](link);
  drawing.update(block);
  return drawing;
}

/** A column of blocks. */
export class Blocks {
  constructor(link) {
    this.link = link;
    this.shown = [];
    this.key = "";
    this.node = h("div", { class: "xlm-blocks" });
  }

  update(place, blocks) {
    const key = [place, ...blocks.map((block) => block.kind + (block.sheet ?? ""))].join(" ");
    if (key !== this.key) {
      this.key = key;
      this.shown = blocks.map((block) => draw(this.link, block));
      this.node.replaceChildren(...this.shown.map((one) => one.node));
      return;
    }
    blocks.forEach((block, i) => block.kind !== "grid" && this.shown[i].update(block));
  }
}
