// Figures over price moves across and volatility moves down; a cell opens what is behind it.
import { h, live, mark } from "./dom.js";
import { Cursor } from "./cells.js";

/** Results of scenarios as a coloured table that the arrow keys walk over. */
export class Heatmap {
  constructor(link) {
    this.link = link;
    this.cursor = null;
    this.caption = h("div", { class: "xlm-caption" });
    this.worst = h("div", { class: "xlm-hint" });
    this.head = h("tr", { role: "row" });
    this.body = h("tbody", {});
    this.table = h("table", { role: "grid", class: "xlm-heat" }, h("thead", {}, this.head), this.body);
    this.scroller = live("div", { class: "xlm-heat-box", tabindex: "-1" }, this.table);
    this.node = h("div", {}, this.caption, this.scroller, this.worst);
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", ({ target }) => target.xlmPlace && this.cursor.go(...target.xlmPlace));
    this.table.addEventListener("click", (event) => this.pick(event.target.closest("td")));
  }

  update(block) {
    const held = this.table.contains(document.activeElement);
    this.block = block;
    this.cursor ??= this.start();
    this.caption.textContent = block.caption;
    this.worst.textContent = block.worst;
    mark(this.table, "aria-label", block.caption);
    const title = (text) => h("th", { role: "columnheader", scope: "col" }, text);
    this.head.replaceChildren(title(block.corner), ...block.columns.map(title));
    const values = block.cells.flat().filter(Boolean).map((cell) => Math.abs(cell.value ?? 0));
    const most = Math.max(...values, Number.MIN_VALUE);
    this.body.replaceChildren(...block.cells.map((line, row) => this.line(line, row, most)));
    if (held) this.cell()?.focus({ preventScroll: true });
  }

  /** A cursor on the worst cell, or the first. */
  start() {
    const { rows, columns, cells } = this.block;
    const cursor = new Cursor(() => rows.length, () => columns.length);
    cells.forEach((line, row) => line.forEach((cell, column) => cell?.worst && cursor.go(row, column)));
    return cursor;
  }

  line(line, row, most) {
    const name = h("th", { role: "rowheader", scope: "row" }, this.block.rows[row]);
    return h("tr", { role: "row" }, name, ...line.map((cell, column) => this.draw(cell, row, column, most)));
  }

  draw(cell, row, column, most) {
    const here = row === this.cursor.row && column === this.cursor.column;
    const place = `${this.block.columns[column]} price, volatility ${this.block.rows[row]}`;
    const td = live("td", { role: "gridcell", tabindex: here ? 0 : -1 });
    td.xlmPlace = [row, column];
    if (!cell) {
      td.setAttribute("aria-label", `${place}: no scenario`);
      td.className = "xlm-none";
      return td;
    }
    const words = [place, cell.text, cell.part, cell.worst ? "worst" : ""].filter(Boolean);
    td.textContent = cell.short + (cell.part ? "°" : "");
    td.className = [cell.worst ? "xlm-worst" : "", cell.scenario === this.block.chosen ? "xlm-chosen" : ""].join(" ").trim();
    td.dataset.sign = cell.value < 0 ? "loss" : "gain";
    td.dataset.scenario = cell.scenario;
    td.style.setProperty("--depth", (Math.abs(cell.value ?? 0) / most).toFixed(3));
    mark(td, "title", words.join(", "));
    mark(td, "aria-label", words.join(", "));
    mark(td, "aria-selected", String(cell.scenario === this.block.chosen));
    return td;
  }

  cell() {
    return this.body.children[this.cursor.row]?.children[this.cursor.column + 1];
  }

  key(event) {
    if (event.key === "Enter" || event.key === " ") this.pick(this.cell());
    else if (event.ctrlKey || event.metaKey || event.altKey || !this.cursor.key(event, 5)) return;
    else this.walk();
    event.preventDefault();
    event.stopPropagation();
  }

  walk() {
    this.cursor.anchor = null;
    for (const td of this.body.querySelectorAll("td")) td.tabIndex = -1;
    this.cell().tabIndex = 0;
    this.cell().focus();
  }

  pick(td) {
    if (!td?.xlmPlace) return;
    this.cursor.go(...td.xlmPlace);
    this.walk();
    const id = this.block.id;
    if (td.dataset.scenario !== undefined) this.link.ask({ do: "choose", id, value: Number(td.dataset.scenario) }, `choose ${id}`);
  }
}
