// The ledger as a tree of lines; holdings of a line come from Python when it is opened.
import { h, live, mark } from "./dom.js";

/** A tree table: arrow keys walk, right opens, left closes. */
export class Ledger {
  constructor(link) {
    this.link = link;
    this.shut = new Set();
    this.here = 0;
    this.body = h("tbody", {});
    this.caption = h("caption", {});
    this.unit = h("th", { scope: "col", class: "num", role: "columnheader" });
    const titles = ["line", null, "formula", "source"];
    const head = titles.map((text) => (text ? h("th", { scope: "col", role: "columnheader" }, text) : this.unit));
    this.table = h("table", { role: "treegrid", class: "xlm-ledger" }, this.caption, h("thead", {}, h("tr", { role: "row" }, ...head)), this.body);
    this.remark = h("div", { class: "xlm-hint" });
    this.node = h("div", { class: "xlm-ledger-box" }, this.table, this.remark);
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => (this.here = event.target.closest("tbody tr")?.xlmPlace ?? this.here));
    this.table.addEventListener("click", (event) => this.press(event.target.closest("tbody tr")));
  }

  update(block) {
    const held = this.table.contains(document.activeElement);
    this.block = block;
    this.caption.textContent = block.caption;
    this.unit.textContent = block.unit;
    this.remark.textContent = block.remark;
    mark(this.table, "aria-label", block.caption);
    this.draw();
    if (held) this.focus(this.here);
  }

  /** The nodes on show: none below a line that is shut. */
  seen() {
    const out = [];
    let hidden = Infinity;
    for (const node of this.block.nodes) {
      if (node.depth > hidden) continue;
      hidden = node.lines && this.shut.has(node.path) ? node.depth : Infinity;
      out.push(node);
    }
    return out;
  }

  draw() {
    this.nodes = this.seen();
    this.here = Math.min(this.here, this.nodes.length - 1);
    this.body.replaceChildren(...this.nodes.map((node, i) => this.row(node, i)));
  }

  row(node, i) {
    const kids = node.lines > 0 || node.holdings > 0;
    const open = this.isOpen(node);
    const sign = kids ? (open ? "▾" : "▸") : "";
    const count = node.holdings && !node.open ? h("small", {}, ` ${node.holdings} holding${node.holdings === 1 ? "" : "s"}`) : null;
    const label = h("td", { role: "gridcell" }, h("span", { class: "xlm-sign", "aria-hidden": "true" }, sign), node.label, count);
    label.style.paddingInlineStart = `${6 + 16 * node.depth}px`;
    const cells = [label, h("td", { role: "gridcell", class: "num" }, node.text)];
    cells.push(h("td", { role: "gridcell" }, node.formula), h("td", { role: "gridcell", class: "xlm-source", title: node.source }, node.source));
    const row = live("tr", { role: "row", "aria-level": node.depth + 1, tabindex: i === this.here ? 0 : -1 }, ...cells);
    if (kids) row.setAttribute("aria-expanded", String(open));
    row.xlmPlace = i;
    row.dataset.path = node.path;
    return row;
  }

  isOpen(node) {
    return node.lines > 0 ? !this.shut.has(node.path) : node.open;
  }

  press(row) {
    if (!row) return;
    this.here = row.xlmPlace;
    this.turn(this.nodes[this.here], !this.isOpen(this.nodes[this.here]));
    this.focus(this.here);
  }

  turn(node, open) {
    if (node.lines > 0) {
      this.shut[open ? "delete" : "add"](node.path);
      this.draw();
    } else if (node.holdings > 0 && node.open !== open) {
      const paths = new Set(this.block.nodes.filter((other) => other.open).map((other) => other.path));
      paths[open ? "add" : "delete"](node.path);
      this.link.ask({ do: "choose", id: "open", value: [...paths] }, "choose open");
    }
  }

  focus(i) {
    this.here = Math.max(0, Math.min(this.nodes.length - 1, i));
    [...this.body.children].forEach((row, at) => (row.tabIndex = at === this.here ? 0 : -1));
    this.body.children[this.here]?.focus();
  }

  key(event) {
    const node = this.nodes[this.here];
    const to = { ArrowDown: this.here + 1, ArrowUp: this.here - 1, Home: 0, End: this.nodes.length - 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (to !== undefined) this.focus(to);
    else if (event.key === "ArrowRight") this.turn(node, true);
    else if (event.key === "ArrowLeft" && this.isOpen(node)) this.turn(node, false);
    else if (event.key === "Enter" || event.key === " ") this.turn(node, !this.isOpen(node));
    else return;
    if (to === undefined) this.focus(this.here);
    event.preventDefault();
    event.stopPropagation();
  }
}
