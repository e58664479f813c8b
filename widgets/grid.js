// An editable sheet: only the rows in sight are in the page; texts go to Python as typed and come back judged.
import { button, freshId, h, live, mark } from "./dom.js";
import { Cursor } from "./cells.js";
import { clipboard } from "./clipboard.js";
import { Editor } from "./editor.js";

const UNIT = "\x1f";
const RECORD = "\x1e";
const ROW = 24;
const SPARE = 8;

/** A grid of the sheet that Python keeps in the trait `_<name>`. */
export class Grid {
  constructor(link, { sheet, title, hint }) {
    this.link = link;
    this.name = sheet;
    this.drafts = new Map();
    this.lines = new Map();
    this.editor = null;
    this.cursor = new Cursor(() => this.data.rows.length, () => this.data.columns.length);
    this.data = { columns: [], rows: [], errors: {} };
    this.build(title, hint);
    link.on(`_${sheet}`, () => this.update());
    link.on("_status", () => this.settle());
    this.update();
  }

  build(title, hint) {
    this.caption = h("span", { class: "xlm-grid-title" }, title ?? "");
    this.head = h("tr", { role: "row" });
    this.above = h("tr", { class: "xlm-gap", "aria-hidden": "true" });
    this.below = h("tr", { class: "xlm-gap", "aria-hidden": "true" });
    this.body = h("tbody", {}, this.above, this.below);
    this.table = h("table", { role: "grid", class: "xlm-grid", "aria-multiselectable": "true" }, h("thead", {}, this.head), this.body);
    this.empty = live("div", { class: "xlm-empty", tabindex: "0", hidden: true }, "No rows. Add one, or paste a table here.");
    this.scroller = live("div", { class: "xlm-scroll", tabindex: "-1", scroll: () => this.window() }, this.table, this.empty);
    this.said = h("div", { class: "xlm-sr", role: "status", "aria-live": "polite" });
    this.problem = h("div", { class: "xlm-problem", id: freshId("problem"), hidden: true });
    const tools = [
      button("+ row", () => this.add(), { title: "Add a row below (Insert)", "aria-label": "Add a row" }),
      button("− row", () => this.remove(), { title: "Delete the selected rows (Ctrl+Delete)", "aria-label": "Delete the selected rows" }),
    ];
    const bar = h("div", { class: "xlm-bar" }, this.caption, h("span", { class: "xlm-hint" }, hint ?? ""), ...tools);
    this.node = h("div", { class: "xlm-sheet" }, bar, this.scroller, this.problem, this.said);
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("mousedown", (event) => this.press(event));
    this.scroller.addEventListener("mousemove", (event) => event.buttons === 1 && this.drag(event));
    this.scroller.addEventListener("focusin", (event) => this.reach(event));
    this.scroller.addEventListener("dblclick", (event) => this.cellOf(event) && this.edit());
    clipboard(this);
  }

  /** Take the sheet as Python has it. */
  update() {
    const here = this.data.rows[this.cursor.row]?.[0];
    const sheet = this.link.model.get(`_${this.name}`);
    this.data = { ...sheet, rows: sheet.rows ? sheet.rows.split(RECORD).map((row) => row.split(UNIT)) : [] };
    const moved = this.data.rows.findIndex((row) => row[0] === here);
    if (moved >= 0) this.cursor.row = moved;
    else this.cursor.go(this.cursor.row, this.cursor.column);
    this.heading();
    mark(this.table, "aria-label", this.data.title);
    mark(this.table, "aria-rowcount", this.data.rows.length + 1);
    mark(this.table, "aria-colcount", this.data.columns.length + 1);
    this.settle();
  }

  heading() {
    const key = JSON.stringify(this.data.columns);
    if (key === this.drawn) return;
    this.drawn = key;
    this.lines.clear();
    const title = (column) =>
      h("th", { role: "columnheader", scope: "col", title: column.meaning, class: column.number && "num" }, column.label + (column.required ? " *" : ""));
    this.head.replaceChildren(h("th", { role: "columnheader", scope: "col", class: "xlm-number" }, "#"), ...this.data.columns.map(title));
  }

  /** Forget drafts that Python has answered, and draw. */
  settle() {
    for (const [key, draft] of this.drafts) if (this.link.done(draft.ticket)) this.drafts.delete(key);
    const none = !this.data.rows.length;
    this.empty.hidden = !none;
    this.table.hidden = none;
    this.window();
  }

  /** Draw the rows in sight, reusing those that stay. */
  window() {
    const count = this.data.rows.length;
    const seen = Math.ceil((this.scroller.clientHeight || 320) / ROW);
    const first = Math.max(0, Math.min(Math.floor(this.scroller.scrollTop / ROW), count - seen) - SPARE);
    const last = Math.min(count, first + seen + 2 * SPARE);
    const held = this.scroller.contains(document.activeElement) && document.activeElement !== this.scroller;
    this.above.style.height = `${first * ROW}px`;
    this.below.style.height = `${(count - last) * ROW}px`;
    const wanted = [];
    for (let row = first; row < last; row += 1) wanted.push(this.line(row));
    const keep = new Set(wanted);
    for (const line of [...this.body.children]) if (line !== this.above && line !== this.below && !keep.has(line)) line.remove();
    let after = this.above;
    for (const line of wanted) {
      if (after.nextSibling !== line) after.after(line);
      after = line;
    }
    if (this.lines.size > 4 * (seen + 2 * SPARE)) this.forget(keep);
    if (held && !this.scroller.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    this.explain();
  }

  forget(keep) {
    for (const [id, line] of this.lines) if (!keep.has(line)) this.lines.delete(id);
  }

  line(row) {
    const [id] = this.data.rows[row];
    let line = this.lines.get(id);
    if (!line) {
      const cells = this.data.columns.map((column) => live("td", { role: "gridcell", class: column.number ? "num" : "txt" }));
      line = h("tr", { role: "row" }, h("th", { role: "rowheader", scope: "row", class: "xlm-number" }), ...cells);
      this.lines.set(id, line);
    }
    line.xlmRow = row;
    mark(line, "aria-rowindex", row + 2);
    line.firstChild.textContent = row + 2;
    this.data.columns.forEach((_, column) => this.paint(line.children[column + 1], row, column));
    return line;
  }

  paint(cell, row, column) {
    const key = `${this.data.rows[row][0]},${column}`;
    const draft = this.drafts.get(key);
    const error = draft ? undefined : this.data.errors[key];
    cell.xlmColumn = column;
    if (this.editor?.cell !== cell) {
      const text = this.text(row, column);
      if (cell.textContent !== text) cell.textContent = text;
    }
    mark(cell, "tabindex", row === this.cursor.row && column === this.cursor.column ? 0 : -1);
    mark(cell, "aria-selected", String(this.cursor.has(row, column)));
    mark(cell, "aria-invalid", error ? "true" : null);
    mark(cell, "title", error);
    cell.classList.toggle("xlm-draft", Boolean(draft));
  }

  text(row, column) {
    const line = this.data.rows[row];
    return this.drafts.get(`${line[0]},${column}`)?.text ?? line[column + 1];
  }

  /** The message of the cell under the cursor, below the grid. */
  explain() {
    const id = this.data.rows[this.cursor.row]?.[0];
    const error = this.data.errors[`${id},${this.cursor.column}`];
    this.problem.textContent = error ?? "";
    this.problem.hidden = !error;
    const cell = this.cell();
    if (cell) mark(cell, "aria-describedby", error ? this.problem.id : null);
  }

  cell() {
    const id = this.data.rows[this.cursor.row]?.[0];
    return this.lines.get(id)?.children[this.cursor.column + 1];
  }

  cellOf(event) {
    const cell = event.target.closest?.("td");
    return cell && cell.parentNode.xlmRow !== undefined ? cell : null;
  }

  /** Show the cursor's cell and give it the keyboard. */
  focus() {
    const top = this.cursor.row * ROW;
    const height = this.scroller.clientHeight - this.head.offsetHeight - ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + height) this.scroller.scrollTop = top - height;
    this.window();
    this.cell()?.focus({ preventScroll: true });
    this.cell()?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }

  press(event) {
    const cell = this.cellOf(event);
    if (!cell || this.editor?.cell === cell) return;
    this.close(true);
    this.cursor.go(cell.parentNode.xlmRow, cell.xlmColumn, event.shiftKey);
    this.focus();
    event.preventDefault();
  }

  /** A cell that got the keyboard by other means than this grid's own keys. */
  reach(event) {
    const cell = this.cellOf(event);
    if (!cell || this.editor) return;
    const { row, column } = this.cursor;
    if (cell.parentNode.xlmRow === row && cell.xlmColumn === column) return;
    this.cursor.go(cell.parentNode.xlmRow, cell.xlmColumn);
    this.window();
  }

  drag(event) {
    const cell = this.cellOf(event);
    if (!cell || this.editor) return;
    this.cursor.go(cell.parentNode.xlmRow, cell.xlmColumn, true);
    this.window();
  }

  key(event) {
    if (this.editor) return;
    const far = event.ctrlKey || event.metaKey;
    const letter = far ? event.key.toLowerCase() : event.key;
    const used = this.command(event, far, letter);
    if (used) event.preventDefault();
    if (used || (!far && event.key !== "Tab")) event.stopPropagation();
  }

  command(event, far, letter) {
    if (event.key === "Insert" && !event.shiftKey && !far) this.add();
    else if (far && event.key === "Delete") this.remove();
    else if (far && letter === "z") this.link.ask({ do: event.shiftKey ? "redo" : "undo" });
    else if (far && letter === "y") this.link.ask({ do: "redo" });
    else if (!this.data.rows.length) return false;
    else if (far && letter === "a") this.select();
    else if (this.cursor.key(event, 10)) this.focus();
    else if (far || event.altKey) return false;
    else if (event.key === "Enter" || event.key === "F2") this.edit();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key.length === 1) this.edit(event.key);
    else return false;
    return true;
  }

  select() {
    this.cursor.all();
    this.window();
  }

  add() {
    const after = this.data.rows[this.cursor.box().bottom]?.[0] ?? null;
    this.link.ask({ do: "add", sheet: this.name, after });
  }

  remove() {
    const { top, bottom } = this.cursor.box();
    const rows = this.data.rows.slice(top, bottom + 1).map((row) => row[0]);
    if (rows.length) this.link.ask({ do: "delete", sheet: this.name, rows });
  }

  clear() {
    this.put(this.selected().map(([row, column]) => [row, column, ""]));
  }

  selected() {
    const { top, bottom, left, right } = this.cursor.box();
    const cells = [];
    for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) cells.push([row, column]);
    return cells;
  }

  /** Send cells as typed; they stand as drafts until Python has answered. */
  put(changes) {
    const cells = changes.map(([row, column, text]) => [this.data.rows[row][0], this.data.columns[column].name, text]);
    const ticket = this.link.ask({ do: "set", sheet: this.name, cells });
    for (const [row, column, text] of changes) this.drafts.set(`${this.data.rows[row][0]},${column}`, { text, ticket });
    this.window();
  }

  /** Type into the cursor's cell. */
  edit(typed) {
    this.editor = new Editor(this, typed);
  }

  close(keep) {
    this.editor?.close(keep);
  }
}
