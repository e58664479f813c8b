// An input over one cell of a grid: Enter and Tab keep what was typed, Escape does not.
import { freshId, h, live } from "./dom.js";

/** The editor of a grid's cursor cell, opened with what the cell holds or with the key just typed. */
export class Editor {
  constructor(grid, typed) {
    const { row, column } = grid.cursor;
    const spec = grid.data.columns[column];
    const words = spec.choices.map((word) => h("option", { value: word }));
    const list = words.length ? h("datalist", { id: freshId("list") }, ...words) : null;
    this.grid = grid;
    this.cell = grid.cell();
    this.id = grid.data.rows[row][0];
    this.column = column;
    this.before = grid.text(row, column);
    this.input = live("input", {
      type: "text",
      class: "xlm-editor",
      "aria-label": `${spec.label}, row ${row + 2}`,
      list: list?.id,
      autocomplete: "off",
      spellcheck: "false",
      keydown: (event) => this.key(event),
      blur: () => this.close(true),
    });
    this.input.value = typed ?? this.before;
    this.cell.replaceChildren(...[this.input, list].filter(Boolean));
    this.input.focus();
    if (typed === undefined) this.input.select();
  }

  key(event) {
    event.stopPropagation();
    const back = event.shiftKey ? -1 : 1;
    const move = { Enter: [back, 0], Tab: [0, back], Escape: [0, 0] }[event.key];
    if (!move) return;
    event.preventDefault();
    this.close(event.key !== "Escape");
    this.grid.cursor.go(this.grid.cursor.row + move[0], this.grid.cursor.column + move[1]);
    this.grid.focus();
  }

  /** Put the cell back and, if asked to, send what was typed. */
  close(keep) {
    const { grid, cell, id, column, before } = this;
    if (grid.editor !== this) return;
    const text = this.input.value;
    grid.editor = null;
    cell.textContent = before;
    const row = grid.data.rows.findIndex((line) => line[0] === id);
    if (keep && text !== before && row >= 0) grid.put([[row, column, text]]);
    else grid.window();
  }
}
